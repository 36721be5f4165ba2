"""Intervals, and what the calibration shows of every value: each in real numbers, element by element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Graph
from compiler.graph.ops import Input, MatVec
from compiler.interpreters.execution import PreparedGraph, prepare
from compiler.interpreters.float64 import KERNELS
from hw_models.arrays import Array, Floats, by_length


@dataclass(frozen=True)
class Interval:
    """Lower and upper bound, one per element (or one for all)."""

    low: Floats
    high: Floats

    @property
    def magnitude(self) -> float:
        """The largest absolute value of any element."""
        return float(max(np.max(np.abs(self.low), initial=0.0), np.max(np.abs(self.high), initial=0.0)))

    @property
    def common(self) -> Interval:
        """One interval for all elements: what a format or a table guarantees."""
        if not self.low.size:
            return self
        return Interval(np.min(self.low, keepdims=True), np.max(self.high, keepdims=True))

    def intersect(self, other: Interval) -> Interval:
        """Both hold. Where rounding makes them miss each other, `self` stays."""
        low, high = np.maximum(self.low, other.low), np.minimum(self.high, other.high)
        ok = low <= high
        return Interval(np.where(ok, low, self.low), np.where(ok, high, self.high))


@dataclass(frozen=True)
class InputEnds(Interval):
    """Between what each channel of the input is, in the user's units; NaN where only sequences tell."""

    exact: npt.NDArray[np.bool_]
    """of each, whether none goes further, so that no margin widens it"""


@dataclass(frozen=True, eq=False)
class Observed:
    """The smallest and largest of each value over the calibration sequences (time, features), element by element.

    Inputs are read off the data. The float graph runs over them only if something else is asked for: where all
    is proven it never does.
    """

    graph: Graph
    sequences: Sequence[Floats]
    ends: InputEnds | None = None
    """of the input, where more is known than the sequences tell"""

    def low(self, name: str) -> Floats:
        """The smallest seen."""
        return self._extremes_of(name)[0]

    def high(self, name: str) -> Floats:
        """The largest seen."""
        return self._extremes_of(name)[1]

    def interval(self, name: str, margin: float) -> Interval:
        """The range seen, `margin` times as wide around its middle."""
        low, high = self._extremes_of(name)
        middle, half = (low + high) / 2, (high - low) / 2
        if self.ends is not None and name in self._inputs:
            half = np.where(self.ends.exact, half / margin, half)
        return Interval(middle - half * margin, middle + half * margin)

    def samples(self, names: Sequence[str]) -> Floats:
        """What the concatenation of the messages `names` to a matrix was, after each sample: (samples, elements)."""
        return np.concatenate([self._messages[n] for n in names], axis=1)

    @cached_property
    def _messages(self) -> dict[str, Floats]:
        """What matrices read, in the last iteration of each sample."""
        names = list(dict.fromkeys(s for _, op in self.graph.ops() if isinstance(op, MatVec) for s in op.sources))
        rows = [self._program.run(group, record=names).record for group in self._groups()]
        return {n: np.concatenate([r[n].reshape(-1, self.graph.size(n)) for r in rows]) for n in names}

    def _groups(self) -> list[Floats]:
        """The sequences, those of equal length stacked, as many as the program runs side by side."""
        return [np.stack([self.sequences[n] for n in g]) for g in by_length(self.sequences, self._program.lanes)]

    @cached_property
    def _program(self) -> PreparedGraph:
        return prepare(self.graph, KERNELS)

    def _extremes_of(self, name: str) -> tuple[Floats, Floats]:
        return self._inputs[name] if name in self._inputs else self._all[name]

    @cached_property
    def _inputs(self) -> dict[str, tuple[Floats, Floats]]:
        found = {}
        for _, op in self.graph.ops():
            if isinstance(op, Input):
                entered = self.graph.input_map(np.concatenate(self.sequences))
                low, high = entered.min(axis=0), entered.max(axis=0)
                if self.ends is not None:
                    reached = [self.graph.input_map(end) for end in (self.ends.low, self.ends.high)]
                    low, high = np.fmin(low, np.minimum(*reached)), np.fmax(high, np.maximum(*reached))
                found[op.out] = (low, high)
        return found

    @cached_property
    def _all(self) -> dict[str, tuple[Floats, Floats]]:
        found: dict[str, tuple[Floats, Floats]] = {}
        for group in self._groups():
            for name, (low, high) in self._extremes_in(group).items():
                before = found.get(name, (low, high))
                found[name] = (np.minimum(before[0], low), np.maximum(before[1], high))
        return found

    def _extremes_in(self, group: Floats) -> dict[str, tuple[Floats, Floats]]:
        seen: dict[str, tuple[Array, Array]] = {}

        def see(name: str, value: Array) -> None:
            if name in seen:
                low, high = seen[name]
                np.minimum(low, value, out=low)
                np.maximum(high, value, out=high)
            else:
                seen[name] = value.copy(), value.copy()

        self._program.run(group, observe=see)
        return {name: (low.min(axis=1), high.max(axis=1)) for name, (low, high) in seen.items()}
