"""The arrays that a kernel is called with, for so many sequences of so many samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from compiler.graph.integers import IntegerGraph
from compiler.native.kernel import Kernel, sizes
from compiler.running.executor import States
from hw_models.arrays import Array, slices_of

KEPT = 2**25
"""Bytes of freed memory that stay with the process for the next run"""
ALL = slice(None)
LINE = 64
"""Bytes of the largest vector register, and of a line of the cache."""


@dataclass(frozen=True)
class Arrays:
    """Sequences lie side by side in groups of `kernel.lanes`, those of the last group beyond `rows` for nothing."""

    kernel: Kernel
    rows: int
    samples: Array
    """(sequences, time, features), as are the next three: their axes lie in memory as the kernel wants them"""
    y: Array
    tracks: Array
    """the states after every sample, one beside the other"""
    records: Array
    memory: Array
    """(groups, rows of memory, lanes)"""
    clips: Array
    """(groups, counts and smallest and largest, elements that can be clipped, lanes)"""
    places: Sequence[int]
    """where samples and the next five begin"""

    @property
    def graph(self) -> IntegerGraph:
        """What the kernel runs."""
        return self.kernel.memory.graph

    def addresses(self) -> list[tuple[int, ...]]:
        """What the function is called with for each group."""
        outer = [a.strides[0] * self.kernel.lanes for a in (self.samples, self.y, self.tracks, self.records)]
        strides = (*outer, self.memory.strides[0], 0, 0, self.clips.strides[0])
        places = (*self.places[:-1], *self.kernel.places, self.places[-1])
        return [tuple(p + g * s for p, s in zip(places, strides, strict=True)) for g in range(len(self.memory))]

    def begin(self, state: States | None, groups: slice = ALL) -> None:
        """The sequences of these groups are before their first sample, in `state` or in the initial one."""
        memory, lanes = self.memory[groups], self.kernel.lanes
        memory[:] = self.kernel.start[:, None]
        self.clear(groups)
        first, stop, _ = groups.indices(len(self.memory))
        for name, array in (state or {}).items():
            row, size, own = self.kernel.memory.states[name], array.shape[1], array[first * lanes : stop * lanes]
            whole = filled(own, len(memory) * lanes).reshape(len(memory), lanes, size)
            memory[:, row : row + size] = whole.transpose(0, 2, 1)

    def clear(self, groups: slice = ALL) -> None:
        """Nothing was clipped."""
        self.clips[groups] = _unclipped(self.clips.dtype)

    def states(self) -> dict[str, Array]:
        """As they are now, (batch, size) by name."""
        first, kept = self.kernel.memory.states, self.memory[:, : self.kernel.memory.states_end]
        groups, size, lanes = kept.shape
        now = kept.transpose(0, 2, 1).reshape(groups * lanes, size)[: self.rows]
        return {s.name: now[:, first[s.name] : first[s.name] + s.size] for s in self.graph.states}

    def clipped(self) -> Array:
        """(counts and smallest and largest, elements, batch)."""
        groups, parts, size, lanes = self.clips.shape
        return self.clips.transpose(1, 2, 0, 3).reshape(parts, size, groups * lanes)[..., : self.rows]

    def tracked(self) -> dict[str, Array]:
        """Each state after every sample, (batch, time, size)."""
        return _named(self.tracks[: self.rows], {s.name: s.size for s in self.graph.states})

    def recorded(self) -> dict[str, Array]:
        """Each value that was asked for, in the same shape."""
        return _named(self.records[: self.rows], {n: self.graph.size(n) for n in self.kernel.record})


def arrays_of(kernel: Kernel, rows: int, steps: int) -> Arrays:
    """For so many sequences and samples, before they begin."""
    lanes, dtype = kernel.lanes, kernel.constants.dtype
    groups, outer = -(-rows // lanes), sizes(kernel.memory.graph, kernel.record)
    alone = lanes == 1  # one sequence after the other, each with its elements side by side
    shapes = [(rows, steps, size) if alone else (steps, size, groups * lanes) for size in outer]
    shapes += [(groups, kernel.rows, lanes), (groups, 3, kernel.clip_rows, lanes)]
    made, places = zip(*(_array(shape, dtype) for shape in shapes), strict=True)
    samples, y, tracks, records = (array if alone else array.transpose(2, 0, 1) for array in made[:4])
    memory, clips = made[4:]
    return Arrays(kernel, rows, samples, y, tracks, records, memory, clips, places)


@cache
def _unclipped(dtype: np.dtype) -> Array:
    """Counts, and smallest and largest, of what was never clipped."""
    limits = np.iinfo(dtype)
    return np.array([0, limits.max, limits.min], dtype)[:, None, None]


def filled(array: Array, rows: int) -> Array:
    """(batch, ...) with so many rows; those beyond the last sequence do as that one does."""
    missing = rows - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array


def _array(shape: tuple[int, ...], dtype: np.dtype) -> tuple[Array, int]:
    """An array that begins at a whole line, and where that is."""
    size = math.prod(shape) * dtype.itemsize
    whole = np.empty(size + LINE, np.uint8)
    place = whole.ctypes.data
    start = -place % LINE
    return whole[start : start + size].view(dtype).reshape(shape), place + start


def _keep_freed() -> None:
    """Make glibc keep freed memory: it gives back what is more than twice the largest block that was ever freed, and
    then each run would be given some MB page by page again, which takes as long as its kernel."""
    np.empty(KEPT // 2, np.uint8)  # a block of which no page is touched


_keep_freed()


def _named(array: Array, sizes: Mapping[str, int]) -> dict[str, Array]:
    """What lies side by side on the last axis, by name."""
    return {name: array[..., own] for name, own in zip(sizes, slices_of(sizes.values()), strict=True)}
