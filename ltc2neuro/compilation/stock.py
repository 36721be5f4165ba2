"""`compile(..., microcode=False)`: from a traced model to a `LibraryNetwork`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.graph.graph import Graph
from compiler.quantize.precision import Precision
from compiler.rewrite.runner import PassRecord
from compiler.rules.library import library_findings
from compiler.running.prepared import Runners
from compiler.stock.build import build, simplified
from compiler.stock.centre import centre
from compiler.stock.form import LibraryForm
from hw_models.chip import Chip
from hw_models.errors import ChipError, InputError
from ltc2neuro.compilation.findings import refuse, warn
from ltc2neuro.compilation.finishing import answered, unknown
from ltc2neuro.progress import begin
from ltc2neuro.stock.network import LibraryNetwork
from ltc2neuro.stock.parts import LibraryParts
from ltc2neuro.stock.record import LibraryRecord

if TYPE_CHECKING:
    from ltc2neuro.compilation.stages import Recorded


def check_form(chip: Chip, precision: Precision | str | None, form: LibraryForm | None) -> None:
    """Raise `ChipError` for a chip that Lava does not run on, `InputError` for a precision, which is microcode's."""
    if form is not None and not isinstance(form, LibraryForm):
        raise InputError("form must be a LibraryForm", numbers=f"form = {form!r}")
    if not chip.lava:
        raise ChipError(
            f"{chip.name} does not run Lava's library processes",
            advice="Compile for chip='loihi2', or with microcode=True.",
        )
    if precision is not None:
        raise InputError(
            "precision is for networks with microcode",
            where="precision",
            advice="Give form=LibraryForm(hinges=24), say, or leave it out.",
        )


def without_microcode(recorded: Recorded, form: LibraryForm, stacklevel: int) -> LibraryNetwork:
    """Simplify the record and lower it, prove its widths; then the reference's answer to a piece of the calibration.

    Raises `ChipError` where a design rule forbids it, as for networks with microcode.
    """
    from ltc2neuro.compilation.stages import simplify

    found, asked, traced = simplify(recorded, _simplified), recorded.asked, recorded.traced
    sequences = asked.sequences
    begin("hinges, weights, the proof of their widths")
    graph = centre(found.graph, sequences.arrays, timed=asked.timed)
    processes = build(graph, sequences.arrays, form)
    findings = library_findings(asked.chip, graph, processes)
    refuse(findings, asked.chip)
    warn(findings, stacklevel + 1)
    net = LibraryRecord(
        float_graph=graph,
        chip=asked.chip,
        processes=processes,
        form=form,
        readout=traced.readout,
        step_shape=traced.step_shape,
        dt=asked.dt,
        known=unknown(sequences),
        shortest_span=recorded.shortest_span,
        layout=recorded.layout,
        evidence=found.evidence,
    )
    advice = "Without microcode, try more hinges, form=LibraryForm(hinges=32), or compile it with microcode=True."
    parts = LibraryParts(net, Runners(processes, asked.chip))
    return LibraryNetwork.of(parts, answered(parts, sequences, advice, stacklevel + 1))


def _simplified(graph: Graph) -> tuple[Graph, tuple[PassRecord, ...]]:
    """The rewrites of such networks, of which no record is kept."""
    return simplified(graph), ()
