"""A kernel that is compiled: called over sequences, or again and again for the next sample of the same ones."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from compiler.graph.ops import Rescale
from compiler.interpreters.execution import Clip, Execution
from compiler.native.arrays import Arrays, arrays_of, filled, outside
from compiler.native.build import CompiledFunctions
from compiler.native.kernel import ARGUMENTS, Kernel
from compiler.native.sample import ENDS
from compiler.running.executor import Ends, States
from hw_models.arrays import Array


@dataclass(frozen=True)
class Call:
    """A kernel and its function."""

    kernel: Kernel
    function: CompiledFunctions

    def entered(self, x: Array, ends: Ends) -> Array | None:
        """Real samples (batch, time, features) as integers where they belong, (sequences, time, features); None where
        any is beyond what may enter, or there is none."""
        rows, steps, features = x.shape
        if not x.size:
            return None
        x, samples = np.ascontiguousarray(x, np.float64), outside(self.kernel, rows, steps, features)
        block = _block(ends, x, samples.ctypes.data, rows=rows, wide=len(samples), steps=steps)
        return None if self.function.enter(block.ctypes.data) else samples

    def run(self, x: Array, state: States | None, threads: int, samples: Array | None = None) -> Execution:
        """Samples (batch, time, features), from `state` or the initial ones, on at most so many `threads`; `samples`
        are the same where they belong.

        What comes back is not copied into the order of its axes: sequences stay side by side.
        """
        rows, steps, _ = x.shape
        arrays = arrays_of(self.kernel, rows, steps, samples)
        arrays.begin(state)
        wide, lanes = len(arrays.samples), self.kernel.lanes
        addresses = arrays.addresses() if steps else []

        def one(group: int) -> None:
            if samples is None:
                own = np.s_[group * lanes : (group + 1) * lanes]
                arrays.samples[own] = filled(x[own], lanes)
            self.function.call(*addresses[group], steps, wide)

        _each(one, len(addresses), threads)
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


def _block(ends: Ends, given: Array, *addresses: int, steps: int = 1, **others: Array | int) -> Array:
    """The block of words that functions of samples are given; it keeps nothing alive."""
    maps = {name: getattr(ends, name) for name in ("scale", "offset", "out_scale", "out_offset")}
    known = {**maps, **others, "given": given, "most": int(np.float64(ends.most).view(np.int64)), "steps": steps}
    words = [known.get(name, 0) for name in ENDS]
    words = [w if isinstance(w, int) else w.ctypes.data for w in words]
    return np.array([*words, *addresses, *[0] * (len(ARGUMENTS) - len(addresses))], np.int64)


class NativeStepper:
    """A kernel called for one sample of each of `rows` sequences at a time; see `Stepper`."""

    def __init__(self, call: Call, rows: int, ends: Ends) -> None:
        arrays = self._arrays = arrays_of(call.kernel, rows, 1)
        self._function = call.function
        groups, _, lanes = arrays.memory.shape
        self._kept_rows = arrays.memory[:, : call.kernel.memory.states_end]  # all else is computed anew
        self._before = self._kept_rows.copy()
        self.x = np.zeros((rows, len(ends.scale)))
        self.y = np.zeros((rows, len(ends.out_scale)))
        self._ends = ends
        counts = {"rows": rows, "wide": groups * lanes, "groups": groups}
        self._block = _block(ends, self.x, *arrays.addresses()[0], out=self.y, before=self._before, **counts)
        self._address = self._block.ctypes.data

    def begin(self, state: States | None) -> None:
        """Start from there, or from the initial states."""
        self._arrays.begin(state)

    def step(self) -> int:
        """Take the next sample, which is in `x`: see `Stepper`."""
        return self._function.sample(self._address)

    def back(self) -> None:
        """All is as it was before the latest sample."""
        np.copyto(self._kept_rows, self._before)
        self._arrays.clear()

    def states(self) -> dict[str, Array]:
        """As they are now, (batch, size) by name."""
        return {name: array.astype(np.int64) for name, array in self._arrays.states().items()}
