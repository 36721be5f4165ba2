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
    start: Array
    """what every row of memory holds before the first sample"""
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

    def begin(self, state: States | None, group: int | None = None) -> None:
        """Every sequence, or those of one group, are before their first sample, in `state` or in the initial one."""
        lanes, own = self.kernel.lanes, slice(group, None if group is None else group + 1)
        memory = self.memory[own]
        memory[:] = self.start[:, None]
        self.clear(own)
        for name, array in (state or {}).items():
            rows = array if group is None else array[group * lanes : (group + 1) * lanes]
            first, size = self.kernel.memory.states[name], array.shape[1]
            whole = filled(rows, len(memory) * lanes).reshape(len(memory), lanes, size)
            memory[:, first : first + size] = whole.transpose(0, 2, 1)

    def clear(self, groups: slice) -> None:
        """Nothing was clipped."""
        limits = np.iinfo(self.clips.dtype)
        self.clips[groups] = np.array([0, limits.max, limits.min], self.clips.dtype)[:, None, None]

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


def _outside(kernel: Kernel, rows: int, steps: int, size: int) -> Array:
    """What holds `size` words of each sample: (sequences, time, size)."""
    wide, dtype = -(-rows // kernel.lanes) * kernel.lanes, kernel.constants.dtype
    if kernel.lanes == 1:  # one sequence after the other, each with its elements side by side
        return _array((rows, steps, size), dtype)
    return _array((steps, size, wide), dtype).transpose(2, 0, 1)


def arrays_of(kernel: Kernel, rows: int, steps: int) -> Arrays:
    """For so many sequences and samples, before they begin."""
    lanes, dtype = kernel.lanes, kernel.constants.dtype
    samples, y, tracks, records = (
        _outside(kernel, rows, steps, size) for size in sizes(kernel.memory.graph, kernel.record)
    )
    groups = -(-rows // lanes)
    memory, clips = (_array((groups, *n, lanes), dtype) for n in ((kernel.rows,), (3, kernel.clip_rows)))
    return Arrays(kernel, rows, samples, y, tracks, records, memory, _start(kernel), clips)


def _start(kernel: Kernel) -> Array:
    """Constants that are read as sources and initial states, in their rows, and zeros."""
    where, constants = kernel.memory, kernel.memory.graph.constants
    start, initial = np.zeros(kernel.rows, kernel.constants.dtype), {s.name: s.initial for s in where.graph.states}
    placed = [(first, name) for name, first in where.constants.items()]
    for first, name in placed + [(first, initial[name]) for name, first in where.states.items()]:
        start[first : first + constants[name].size] = constants[name].ravel()
    return start


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
