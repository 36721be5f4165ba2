"""A kernel that is compiled: called over sequences, or again and again for the next sample of the same ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from compiler.executors.execution import Array, Clip, Execution
from compiler.graph.ops import Rescale
from compiler.native.arrays import Arrays, arrays_of, filled
from compiler.native.build import Function
from compiler.native.kernel import Kernel
from compiler.running.executor import States


@dataclass(frozen=True)
class Call:
    """A kernel and its function."""

    kernel: Kernel
    function: Function

    def run(self, x: Array, state: States | None, threads: int) -> Execution:
        """Samples (batch, time, features), from `state` or the initial ones, on at most so many `threads`.

        What comes back is not copied into the order of its axes: sequences stay side by side.
        """
        rows, steps, _ = x.shape
        arrays = arrays_of(self.kernel, rows, steps)
        arrays.begin(state)
        wide = len(arrays.samples)
        arrays.samples[:] = filled(x, wide)
        addresses = arrays.addresses() if steps else []
        _each(lambda group: self.function.call(*addresses[group], steps, wide), len(addresses), threads)
        counts, clips = self._clipped(arrays)
        return Execution(arrays.y[:rows], arrays.tracked(), arrays.recorded(), counts, arrays.states(), clips)

    def _clipped(self, arrays: Arrays) -> tuple[dict[str, int], dict[str, Clip]]:
        """How often each value was clipped, and how far its elements were beyond."""
        if not arrays.clips[:, 0].any():
            return {}, {}
        counts, found, clips = dict[str, int](), dict[str, Clip](), arrays.clipped()
        for name, row in self.kernel.clips.items():
            count, low, high = clips[:, row : row + arrays.graph.size(name)]
            if count.any():
                counts[name] = int(count.sum())
                if isinstance(arrays.graph.makers[name], Rescale):
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


class NativeStepper:
    """A kernel called for one sample of each of `rows` sequences at a time; see `Stepper`."""

    def __init__(self, call: Call, rows: int) -> None:
        self._arrays = arrays_of(call.kernel, rows, 1)
        self._kept = call.function  # without it, its code would be gone
        self._wide, self._call = len(self._arrays.samples), call.function.call
        self._addresses = [(*of_group, 1, self._wide) for of_group in self._arrays.addresses()]
        self._x, self.y = self._arrays.samples[:, 0], self._arrays.y[:rows, 0]
        ends = [call.kernel.memory.states[s.name] + s.size for s in self._arrays.graph.states]
        self._kept_rows = self._arrays.memory[:, : max(ends, default=0)]  # states come first; all else is computed anew
        self._counts, self._before = self._arrays.clips[:, 0], self._kept_rows.copy()
        self._theirs = np.zeros_like(self._counts)
        """all bits where an element is counted: vectors along elements go beyond the last one"""
        for name, first in call.kernel.clips.items():
            self._theirs[:, first : first + self._arrays.graph.size(name)] = -1
        self._nothing, self._clipped = bytes(self._counts.nbytes), bytearray(self._counts.nbytes)
        """as bytes they are compared in a tenth of what `any()` takes"""
        self._found = np.frombuffer(self._clipped, self._counts.dtype).reshape(self._counts.shape)

    def begin(self, state: States | None) -> None:
        """Start from there, or from the initial states."""
        self._arrays.begin(state)

    def step(self, x: Array) -> bool:
        """Take the next sample; whether any value was clipped inside, since the stepper was made or went back."""
        self._x[:] = x if len(x) == self._wide else filled(x, self._wide)
        np.copyto(self._before, self._kept_rows)
        for addresses in self._addresses:
            self._call(*addresses)
        np.bitwise_and(self._counts, self._theirs, self._found)
        return self._clipped != self._nothing

    def back(self) -> None:
        """All is as it was before the latest sample."""
        np.copyto(self._kept_rows, self._before)
        self._arrays.clear()

    def states(self) -> dict[str, Array]:
        """As they are now, (batch, size) by name."""
        return {name: array.astype(np.int64) for name, array in self._arrays.states().items()}
