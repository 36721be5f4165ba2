"""Whether the integers hold what the model says, on the calibration itself: the first thing to know of a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph
from compiler.interpreters.float64 import run_each
from hw_models.arrays import Floats
from ltc2neuro.compiled.default_executor import float_work
from ltc2neuro.compiled.runs import AnyParts, run_reference
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.metrics import Worst, worst_channel

POOR_DB = 30.0
"""In dB. Below it the integers have lost a thirtieth of the signal: rarely what anyone wants."""
WORK = 3e8
"""What is spent at most, in elements that the float network computes: about a second, the integers' share included"""
FEW_ANSWERS = 32
FEW_SEQUENCES, FEW_STEPS = 8, 64
"""Fewer sequences than these are taken before they are cut, and pieces as long as these before fewer are taken"""


@dataclass(frozen=True)
class WorstOutput:
    """The worst channel of the outputs, and on what of the calibration that was found."""

    worst: Worst
    seen: str
    answers: int
    """how many"""
    still: tuple[int, ...] = ()
    """the channels that never vary there, though they could: of these it says nothing"""

    @property
    def unsure(self) -> float:
        """The standard error of the decibels: of n values the power of signal and noise is known to sqrt(2/n) each."""
        return 10 / math.log(10) * 2 / math.sqrt(self.answers)

    @property
    def poor(self) -> bool:
        """Whether whoever compiles should know: few answers may be better than most by chance."""
        return self.worst.channel is not None and self.worst.decibels < POOR_DB + self.unsure


def level_of(parts: AnyParts, calibration: Sequences) -> WorstOutput:
    """Compare what the network answers to the calibration with the float network; to a part, where all takes long."""
    graph, sequences = parts.record.float_graph, calibration.arrays
    part = part_of(graph, sequences)
    exact = [e.outputs[0] for e in run_each(graph, [parts.record.entering(a) for a in part])]
    run = run_reference(parts, Sequences(tuple(part), ragged=True))
    answers = parts.record.answers
    pairs = [[answers.shaped(np.asarray(y)) for y in side] for side in (exact, run.outputs)]
    whole = sum(map(len, part)) == sum(map(len, sequences))
    seen = (
        f"all of {calibration.named}"
        if whole
        else (
            f"{len(part)} of the {len(sequences)} sequences of {calibration.named}, "
            f"at most {max(map(len, part))} samples of each"
        )
    )
    count = len(part) if any(not a.every for a in answers.each) else sum(map(len, part))
    if 0 < count < FEW_ANSWERS:
        seen += f", with {count} answers in all, so that others may differ by several dB"
    still = _still(parts, np.concatenate(exact)) if count > 1 else ()
    return WorstOutput(worst_channel(answers.channel_sqnr(*pairs)), seen, max(1, count), still)


def _still(parts: AnyParts, outputs: Floats) -> tuple[int, ...]:
    """Which of `outputs` (samples, channels) never vary, though their integers may be more than two neighbours."""
    still = np.ptp(outputs, axis=0) == 0
    if not still.any():
        return ()
    low, high = parts.record.answer_span
    return tuple(np.flatnonzero(still & (high - low > 1)).tolist())


def part_of(graph: Graph, sequences: Sequence[Floats]) -> list[Floats]:
    """All sequences, or as many and as much of them as `WORK` allows, spread over all."""
    count, steps = len(sequences), max(map(len, sequences))
    while float_work(graph, _spread(sequences, count, steps)) > WORK:
        if count > FEW_SEQUENCES or (count > 1 and steps <= FEW_STEPS):
            count = (count + 1) // 2
        elif steps > 1:
            steps = (steps + 1) // 2
        else:
            break
    return _spread(sequences, count, steps)


def _spread(sequences: Sequence[Floats], count: int, steps: int) -> list[Floats]:
    return [sequences[int(i)][:steps] for i in np.linspace(0, len(sequences) - 1, count)]
