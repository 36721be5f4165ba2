"""`compile(..., microcode=False)`: from a traced model to a `LibraryNetwork`."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from compiler.graph.graph import Graph
from compiler.library.build import build
from compiler.library.centre import centre
from compiler.library.form import LibraryForm
from compiler.quantize.precision import Precision
from hw_models.chip import Chip
from hw_models.errors import ChipError, InputError
from ltc2neuro.arrays import Sequences
from ltc2neuro.evidence import Evidence
from ltc2neuro.layout import Layout
from ltc2neuro.library.network import LibraryNetwork
from ltc2neuro.network import KnownAnswer
from ltc2neuro.poor_outputs import level_of
from ltc2neuro.progress import begin

if TYPE_CHECKING:
    from ltc2neuro.tracing.model import Traced

KNOWN_STEPS = 16
"""Length of the known-answer sequence."""


def refuse_without_microcode(chip: Chip, precision: Precision | str | None, form: LibraryForm | None) -> None:
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
            "a precision is that of networks with microcode",
            where="precision",
            advice="Give form=LibraryForm(hinges=24), say, or leave it out.",
        )


def without_microcode(
    traced: Traced,
    graph: Graph,
    evidence: Evidence,
    sequences: Sequences,
    form: LibraryForm,
    layout: Layout,
    *,
    timed: bool,
) -> LibraryNetwork:
    """Lower the simplified `graph`, prove its widths; then the reference's answer to a piece of the calibration."""
    begin("hinges, weights, the proof of their widths")
    graph = centre(graph, sequences.arrays, timed=timed)
    processes = build(graph, sequences.arrays, form)
    shortest = traced.shortest if timed else None
    unknown = KnownAnswer(sequences.arrays[0][None, :KNOWN_STEPS], np.zeros((0, 0, 0), np.int64), {})
    net = LibraryNetwork(
        graph, processes, form, traced.readout, traced.step_shape, traced.dt, unknown, shortest, layout, evidence
    )
    begin("the known answer")
    run = net.run_channels(Sequences(tuple(unknown.x), ragged=False))
    states = {n: np.asarray(s, np.int64) for n, s in run.states.items()}
    net = replace(net, known=KnownAnswer(unknown.x, np.asarray(run.integers, np.int64), states))
    level = level_of(
        graph, sequences.arrays, lambda x: [np.asarray(y) for y in net.run_channels(x).outputs], net.shaped
    )
    if level.poor:
        warnings.warn(
            f"without microcode the outputs are only {level.worst.decibels:.1f} dB from the float network's in channel "
            f"{level.worst.channel}, on {level.seen}. More hinges, form=LibraryForm(hinges=32), or microcode=True are "
            "what to try.",
            stacklevel=3,
        )
    return net
