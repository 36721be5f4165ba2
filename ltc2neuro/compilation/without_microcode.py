"""`compile(..., microcode=False)`: from a traced model to a `LibraryNetwork`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compiler.library_processes.build import QUOTIENTS, build
from compiler.library_processes.input_centre import centre
from compiler.library_processes.options import LibraryForm
from compiler.quantize.precision import Precision
from compiler.rewrite.runner import pass_record, simplify
from compiler.rules import Finding
from compiler.rules.library_processes import chip_findings, network_findings
from hw_models.arguments import check_flag
from hw_models.errors import InputError
from ltc2neuro.compilation.acceptance import known_answer, warn_of_outputs
from ltc2neuro.compilation.findings import refuse, warn
from ltc2neuro.library_network.network import LibraryNetwork
from ltc2neuro.library_network.parts import LibraryParts
from ltc2neuro.library_network.record import LibraryRecord
from ltc2neuro.progressing import begin

if TYPE_CHECKING:
    from ltc2neuro.compilation.stages import Recorded


def form_of(microcode: bool, form: LibraryForm | None, precision: Precision | str | None) -> LibraryForm | None:
    """The form of a network without microcode, None of one with it. Raises `InputError` for what is the other's."""
    if check_flag(microcode, "microcode"):
        if form is not None:
            raise InputError("form is for networks without microcode", advice="Give microcode=False, or leave it out.")
        return None
    if form is not None and not isinstance(form, LibraryForm):
        raise InputError("form must be a LibraryForm", numbers=f"form = {form!r}")
    if precision is not None:
        raise InputError(
            "precision is for networks with microcode",
            where="precision",
            advice="Give form=LibraryForm(hinges=24), say, or leave it out.",
        )
    return form or LibraryForm()


def lowered(recorded: Recorded, form: LibraryForm) -> tuple[LibraryParts | None, list[Finding]]:
    """The trace simplified and lowered, its widths proved, and what the rules find; None where the chip takes none.

    The known answer is still unknown. Raises `QuantizeError` for what library processes do not compute, or cannot hold.
    """
    from ltc2neuro.compilation.stages import simplify_and_prove

    asked = recorded.asked
    simple = simplify_and_prove(recorded, lambda graph: simplify(graph, QUOTIENTS))
    entering = recorded.entering
    graph = centre(simple.graph, entering, timed=asked.timed)
    if against := chip_findings(asked.chip, graph):
        return None, against
    begin("hinges, weights, the proof of their widths")
    record = simple.as_record(
        LibraryRecord,
        float_graph=graph,
        processes=build(recorded.observed(graph), form),
        form=form,
        passes=simple.passes if graph is simple.graph else (*simple.passes, pass_record(centre, simple.graph, graph)),
    )
    parts = LibraryParts.of(record)
    return parts, network_findings(asked.chip, record.processes)


def without_microcode(recorded: Recorded, form: LibraryForm, stacklevel: int) -> LibraryNetwork:
    """The network, with the reference's answer to a piece of the calibration.

    Raises `QuantizeError`, and `ChipError` where a design rule forbids it, as for networks with microcode.
    """
    parts, findings = lowered(recorded, form)
    refuse(findings, recorded.asked.chip)
    warn(findings, stacklevel + 1)
    assert parts is not None  # else it is refused
    advice = "Without microcode, try more hinges, form=LibraryForm(hinges=32), or compile it with microcode=True."
    warn_of_outputs(parts, recorded.asked.sequences, advice, stacklevel + 1)
    return LibraryNetwork.of(parts, known_answer(parts))
