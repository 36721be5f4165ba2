"""An input that takes a value out of its bounds: the samples that are known, and the ends of the input's range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.graph.integers import IntegerGraph
from compiler.interpreters.reference import prepare_reference
from hw_models.arrays import Array, Floats, Integers

STEPS = 8
"""Samples of each sequence that is tried."""


@dataclass(frozen=True, eq=False)
class Attempt:
    """The reference over `inputs` (rows, STEPS, channels), of which the first `ends` are steady: every value recorded.

    It computes in 64 bits, whatever the chip's widths.
    """

    graph: IntegerGraph
    inputs: Integers
    ends: int
    record: Mapping[str, Array]

    def beyond(self, value: str, low: int, high: int) -> str:
        """In words, an input that takes an element of `value` out of low..high; empty where none was found."""
        found = self.record[value]
        outside = np.argwhere((found < low) | (found > high))
        if not len(outside):
            return ""
        row, step, element = outside[np.argmin(outside[:, 1])]
        text = f"element {element} is {int(found[row, step, element]):,} "
        if row >= self.ends:
            return text + f"at sample {step} of the calibration's sequence {row - self.ends}"
        host = self.graph.input_map
        x = _numbers((self.inputs[row, 0] * self.graph.input_format.lsb - host.offset) / host.scale)
        return text + (f"after {step + 1} samples of x = {x}" if step else f"at the first sample, x = {x}")


def trial(graph: IntegerGraph, sequences: Sequence[Floats]) -> Attempt:
    """An integer graph tried on the ends of its input's range and on the beginning of `sequences`."""
    ends, known = _ends(graph), _known(graph, sequences)
    x = np.concatenate([ends, known])
    return Attempt(graph, x, len(ends), prepare_reference(graph).run(x, record=list(graph.values)).record)


def _ends(graph: IntegerGraph) -> Integers:
    """Steady inputs (rows, STEPS, channels) at the ends of the input's range: alike, in turn, and by chance."""
    form, size = graph.input_format, graph.size(graph.entry.out)
    rows = [np.full(size, form.low), np.full(size, form.high)]
    rows += [np.where(np.arange(size) % 2 == k, form.low, form.high) for k in (0, 1)]
    rows += list(np.random.default_rng(0).choice([form.low, form.high], (8, size)))
    return np.stack(rows).astype(np.int64)[:, None].repeat(STEPS, axis=1)


def _known(graph: IntegerGraph, sequences: Sequence[Floats]) -> Integers:
    """The first STEPS samples of the sequences, as integers."""
    rows = [sequence[:STEPS] for sequence in sequences if len(sequence) >= STEPS][:STEPS]
    mapped = graph.input_map(np.array(rows).reshape(-1, STEPS, graph.size(graph.entry.out)))
    return graph.input_format.quantize(mapped)[0]


def _numbers(values: Floats) -> str:
    shown = ", ".join(f"{v:.4g}" for v in values[:8])
    return f"({shown}{', ...' if len(values) > 8 else ''})"
