"""One call of a kernel: arrays made ready for it, and what it leaves in them read back."""

from __future__ import annotations

from collections.abc import Mapping
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
    """A kernel and its compiled function, over up to `kernel.lanes` sequences a call."""

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

    def run(self, x: Array, state: States | None) -> Execution:
        """Samples (batch, time, features), from `state` or the initial ones."""
        kernel, graph, dtype = self.kernel, self._graph, self.kernel.constants.dtype
        (rows, steps, features), lanes, where = x.shape, kernel.lanes, kernel.memory
        if not rows or not steps:
            lanes = rows  # nothing is called
        fill = np.minimum(np.arange(lanes), max(rows - 1, 0))  # idle lanes do as the last one does
        memory = _array((kernel.rows, lanes), dtype)
        memory[:] = self._begins
        for name, array in (state or {}).items():
            first = where.states[name]
            memory[first : first + array.shape[1]] = array.T[:, fill]
        clips, limits = _array((3, kernel.clip_rows, lanes), dtype), np.iinfo(dtype)
        clips[0], clips[1], clips[2] = 0, limits.max, limits.min
        samples = _array((steps, features, lanes), dtype)
        samples[:] = x.transpose(1, 2, 0)[..., fill]
        sizes = {s.name: s.size for s in graph.states}, {n: graph.size(n) for n in kernel.record}
        whole = (graph.size(graph.answer.x), *(sum(table.values()) for table in sizes))
        y, tracks, records = (_array((steps, size, lanes), dtype) for size in whole)
        if rows and steps:
            arrays = (samples, y, tracks, records, memory, kernel.constants, kernel.tables, clips)
            self.function.call(*(a.ctypes.data for a in arrays), steps)
        final = {n: memory[where.states[n] : where.states[n] + size, :rows].T for n, size in sizes[0].items()}
        states, record = (_parts(a, table, rows) for a, table in zip((tracks, records), sizes, strict=True))
        counts, found = self._clipped(clips[..., :rows])
        return Execution(_back(y, rows), states, record, counts, final, found)

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


def _array(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """An array that begins at a whole line."""
    size = int(np.prod(shape)) * dtype.itemsize
    whole = np.empty(size + LINE, np.uint8)
    start = -whole.ctypes.data % LINE
    return whole[start : start + size].view(dtype).reshape(shape)


def _back(array: Array, rows: int) -> Array:
    """(time, size, lanes) -> (batch, time, size)."""
    return array[..., :rows].transpose(2, 0, 1)


def _parts(array: Array, sizes: Mapping[str, int], rows: int) -> dict[str, Array]:
    """Arrays that lie side by side, by name."""
    found, first = {}, 0
    for name, size in sizes.items():
        found[name] = _back(array[:, first : first + size], rows)
        first += size
    return found
