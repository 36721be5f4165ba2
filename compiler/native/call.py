"""One call of a kernel: arrays made ready for it, and what it leaves in them read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from compiler.executors.execution import Array, Clip, Execution
from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Rescale
from compiler.native.build import Function
from compiler.native.kernel import Kernel
from compiler.running.executor import States

LINE = 64
"""Bytes of the largest vector register, and of a line of the cache."""


@dataclass(frozen=True)
class Call:
    """A kernel and its compiled function, over groups of `kernel.lanes` sequences."""

    kernel: Kernel
    function: Function

    @property
    def _graph(self) -> IntegerGraph:
        return self.kernel.memory.graph

    @cached_property
    def _begins(self) -> Array:
        """The memory of a lane before the first sample."""
        where, graph = self.kernel.memory, self._graph
        memory = np.zeros(self.kernel.rows, self.kernel.constants.dtype)
        rows = [(first, graph.constants[n]) for n, first in where.constants.items()]
        for first, array in rows + [(where.states[s.name], graph.constants[s.initial]) for s in graph.states]:
            memory[first : first + array.size] = array
        return memory[:, None]

    def run(self, x: Array, state: States | None, threads: int) -> Execution:
        """Samples (batch, time, features), from `state` or the initial ones, on at most so many `threads`.

        What comes back is not copied into the order of its axes: lanes stay side by side.
        """
        kernel, graph, dtype = self.kernel, self._graph, self.kernel.constants.dtype
        (rows, steps, features), lanes, where = x.shape, kernel.lanes, kernel.memory
        groups = -(-rows // lanes)
        wide = groups * lanes
        memory = _array((groups, kernel.rows, lanes), dtype)
        memory[:] = self._begins
        for name, array in (state or {}).items():
            first, own = where.states[name], _filled(array, wide).reshape(groups, lanes, array.shape[1])
            memory[:, first : first + array.shape[1]] = own.transpose(0, 2, 1)
        clips, limits = _array((groups, 3, kernel.clip_rows, lanes), dtype), np.iinfo(dtype)
        for part, start in enumerate((0, limits.max, limits.min)):
            clips[:, part] = start
        sizes = {s.name: s.size for s in graph.states}, {n: graph.size(n) for n in kernel.record}
        whole = (features, graph.size(graph.answer.x), *(sum(table.values()) for table in sizes))
        if lanes == 1:  # one sequence after the other, each with its elements side by side
            outside = [_array((rows, steps, size), dtype) for size in whole]
        else:
            outside = [_array((steps, size, wide), dtype).transpose(2, 0, 1) for size in whole]
        outside[0][:] = _filled(x, wide)
        bases = [(a.ctypes.data, a.strides[0] * lanes) for a in (*outside,)]
        bases += [(memory.ctypes.data, memory.strides[0]), (kernel.constants.ctypes.data, 0)]
        bases += [(kernel.tables.ctypes.data, 0), (clips.ctypes.data, clips.strides[0])]

        def one(group: int) -> None:
            self.function.call(*(base + group * stride for base, stride in bases), steps, wide)

        if steps:
            _each(one, groups, threads)
        y, tracks, records = (a[:rows] for a in outside[1:])
        last = memory.transpose(0, 2, 1).reshape(wide, kernel.rows)[:rows]
        final = {n: last[:, where.states[n] : where.states[n] + size] for n, size in sizes[0].items()}
        states, record = (_parts(a, table) for a, table in zip((tracks, records), sizes, strict=True))
        counts, found = self._clipped(clips.transpose(1, 2, 0, 3).reshape(3, kernel.clip_rows, wide)[..., :rows])
        return Execution(y, states, record, counts, final, found)

    def _clipped(self, clips: Array) -> tuple[dict[str, int], dict[str, Clip]]:
        """How often each value was clipped, and how far its elements were beyond."""
        counts, found = dict[str, int](), dict[str, Clip]()
        for name, row in self.kernel.clips.items():
            count, low, high = clips[:, row : row + self._graph.size(name)]
            if count.any():
                counts[name] = int(count.sum())
                if isinstance(self._graph.makers[name], Rescale):
                    found[name] = Clip(count.sum(axis=1), low.min(axis=1), high.max(axis=1))
        return counts, found


def _each(one: Callable[[int], None], groups: int, threads: int) -> None:
    """Call `one` for every group; others may run meanwhile, since it lets the interpreter go."""
    if min(threads, groups) < 2:
        for group in range(groups):
            one(group)
        return
    with ThreadPoolExecutor(min(threads, groups)) as pool:
        list(pool.map(one, range(groups)))


def _array(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """An array that begins at a whole line."""
    size = int(np.prod(shape)) * dtype.itemsize
    whole = np.empty(size + LINE, np.uint8)
    start = -whole.ctypes.data % LINE
    return whole[start : start + size].view(dtype).reshape(shape)


def _filled(array: Array, rows: int) -> Array:
    """(batch, ...) with so many rows; those beyond the last sequence do as that one does."""
    missing = rows - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array


def _parts(array: Array, sizes: Mapping[str, int]) -> dict[str, Array]:
    """Arrays that lie side by side on the last axis, by name."""
    found, first = {}, 0
    for name, size in sizes.items():
        found[name] = array[..., first : first + size]
        first += size
    return found
