"""The arrays that a kernel is called with, for so many sequences of so many samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph.integers import IntegerGraph
from compiler.native.kernel import Kernel, sizes
from compiler.running.executor import States
from hw_models.arrays import Array

KEPT = 2**25
"""Bytes of freed memory that stay with the process for the next run"""
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

    @property
    def graph(self) -> IntegerGraph:
        """What the kernel runs."""
        return self.kernel.memory.graph

    def addresses(self) -> list[tuple[int, ...]]:
        """What the function is called with for each group."""
        each = (self.samples, self.y, self.tracks, self.records)
        bases = [(a.ctypes.data, a.strides[0] * self.kernel.lanes) for a in each]
        bases += [(self.memory.ctypes.data, self.memory.strides[0]), (self.kernel.constants.ctypes.data, 0)]
        bases += [(self.kernel.tables.ctypes.data, 0), (self.clips.ctypes.data, self.clips.strides[0])]
        return [tuple(base + group * stride for base, stride in bases) for group in range(len(self.memory))]

    def begin(self, state: States | None) -> None:
        """Every sequence is before its first sample, in `state` or in the initial one."""
        where, graph = self.kernel.memory, self.graph
        for name, first in where.constants.items():
            self._fill(first, graph.constants[name].reshape(1, -1))
        for own in graph.states:
            array = graph.constants[own.initial].reshape(1, -1) if state is None else state[own.name]
            self._fill(where.states[own.name], array)

    def _fill(self, first: int, array: Array) -> None:
        """Rows from `first` on: of each sequence (batch, size), or of all (1, size)."""
        groups, _, lanes = self.memory.shape
        size = array.shape[1]
        if len(array) > 1:
            array = filled(array, groups * lanes).reshape(groups, lanes, size).transpose(0, 2, 1)
        else:
            array = array.reshape(1, size, 1)
        self.memory[:, first : first + size] = array

    def clear(self) -> None:
        """Nothing was clipped."""
        limits = np.iinfo(self.clips.dtype)
        for part, start in enumerate((0, limits.max, limits.min)):
            self.clips[:, part] = start

    def states(self) -> dict[str, Array]:
        """As they are now, (batch, size) by name."""
        groups, size, lanes = self.memory.shape
        now = self.memory.transpose(0, 2, 1).reshape(groups * lanes, size)[: self.rows]
        first = self.kernel.memory.states
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


def outside(kernel: Kernel, rows: int, steps: int, size: int) -> Array:
    """What holds `size` words of each sample: (sequences, time, size)."""
    wide, dtype = -(-rows // kernel.lanes) * kernel.lanes, kernel.constants.dtype
    if kernel.lanes == 1:  # one sequence after the other, each with its elements side by side
        return _array((rows, steps, size), dtype)
    return _array((steps, size, wide), dtype).transpose(2, 0, 1)


def arrays_of(kernel: Kernel, rows: int, steps: int, samples: Array | None = None) -> Arrays:
    """For so many sequences and samples, before the first; with the `samples` that are already where they belong."""
    graph, lanes, dtype = kernel.memory.graph, kernel.lanes, kernel.constants.dtype
    entering, *others = sizes(graph, kernel.record)
    if samples is None:
        samples = outside(kernel, rows, steps, entering)
    y, tracks, records = (outside(kernel, rows, steps, size) for size in others)
    groups = -(-rows // lanes)
    memory, clips = ((groups, kernel.rows, lanes), (groups, 3, kernel.clip_rows, lanes))
    made = Arrays(kernel, rows, samples, y, tracks, records, _array(memory, dtype), _array(clips, dtype))
    made.memory[:] = 0
    made.clear()
    return made


def filled(array: Array, rows: int) -> Array:
    """(batch, ...) with so many rows; those beyond the last sequence do as that one does."""
    missing = rows - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array


def _array(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """An array that begins at a whole line."""
    size = math.prod(shape) * dtype.itemsize
    whole = np.empty(size + LINE, np.uint8)
    start = -whole.ctypes.data % LINE
    return whole[start : start + size].view(dtype).reshape(shape)


def _keep_freed() -> None:
    """Make glibc keep freed memory: it gives back what is more than twice the largest block that was ever freed, and
    then each run would be given some MB page by page again, which takes as long as its kernel."""
    np.empty(KEPT // 2, np.uint8)  # a block of which no page is touched


_keep_freed()


def _named(array: Array, sizes: Mapping[str, int]) -> dict[str, Array]:
    """What lies side by side on the last axis, by name."""
    found, first = {}, 0
    for name, size in sizes.items():
        found[name] = array[..., first : first + size]
        first += size
    return found
