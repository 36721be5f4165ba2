"""A kernel that is compiled: called over sequences, or again and again for the next sample of the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compiler.graph.ops import Rescale
from compiler.interpreters.execution import Clip, Execution
from compiler.native.arrays import Arrays, arrays_of, filled
from compiler.native.build import CompiledFunctions
from compiler.native.kernel import ARGUMENTS, Kernel
from compiler.native.sample import ENDS
from compiler.native.threads import each
from compiler.running.executor import Ends, InputRounding, Job, RoundedRun, States
from hw_models.arrays import Array

GIVEN, ROWS, LANES, X = (*map(ENDS.index, ("given", "rows", "lanes")), len(ENDS))
"""Where a block has real samples, of how many sequences they are, with those for nothing, and where integers belong"""
PART = 2**23
"""A thread computes this many elements before it looks for more to do: a quarter of a millisecond, mostly."""


@dataclass(frozen=True)
class Call:
    """A kernel and its function."""

    kernel: Kernel
    function: CompiledFunctions

    def run(self, job: Job, threads: int) -> Execution:
        """What a job's samples lead to, computed on at most so many threads.

        What comes back is not copied into the order of its axes: sequences stay side by side.
        """
        arrays = arrays_of(self.kernel, *job.x.shape[:2])

        def fill(own: slice) -> None:
            arrays.samples[own] = filled(job.x[own], own.stop - own.start)

        return self._run(arrays, job.state, fill, threads)

    def run_real(self, job: Job, rounding: InputRounding, threads: int) -> RoundedRun:
        """The same of real samples: whoever computes them makes integers of them."""
        arrays, clipped = arrays_of(self.kernel, *job.x.shape[:2]), list[Array]()
        at, stride = arrays.places[0], arrays.samples.strides[0]
        sizes = {"wide": len(arrays.samples), "steps": job.x.shape[1]}
        every = None if rounding.ends is None else _block(rounding.ends, at, **sizes)

        def fill(own: slice) -> None:
            x, lanes = np.ascontiguousarray(job.x[own], np.float64), own.stop - own.start
            if every is not None:
                block = every.copy()
                block[GIVEN], block[ROWS], block[LANES] = x.ctypes.data, len(x), lanes
                block[X] = at + own.start * stride
                if not self.function.enter(block.ctypes.data):
                    return
            integers, counts = rounding.quantize(x)
            arrays.samples[own] = filled(integers, lanes)
            clipped.append(counts)

        execution, none = self._run(arrays, job.state, fill, threads), np.zeros(job.x.shape[2], np.int64)
        return RoundedRun(arrays.samples[: arrays.rows], sum(clipped, start=none), execution)

    def _run(self, arrays: Arrays, state: States | None, fill: Callable[[slice], None], threads: int) -> Execution:
        """All sequences from `state` or the initial one, over samples that `fill` puts in their place.

        Threads take so many groups at a time that little of it is not machine code.
        """
        (wide, steps, _), lanes, groups = arrays.samples.shape, self.kernel.lanes, len(arrays.memory)
        addresses, clipped = arrays.addresses(), list[slice]()
        size = max(1, min(groups, PART // (self.kernel.work * lanes * steps + 1)))

        def one(part: int) -> None:
            own = slice(part * size, min((part + 1) * size, groups))
            arrays.begin(state, own)
            if steps:
                fill(slice(own.start * lanes, own.stop * lanes))
                for address in addresses[own]:
                    self.function.call(*address, steps, wide)
                if arrays.clips[own, 0].any():
                    clipped.append(own)

        each(one, -(-groups // size), threads)
        counts, clips = self._clipped(arrays) if clipped else ({}, {})
        rows = arrays.rows
        return Execution(arrays.y[:rows], arrays.tracked(), arrays.recorded(), counts, arrays.states(), clips)

    def _clipped(self, arrays: Arrays) -> tuple[dict[str, int], dict[str, Clip]]:
        """How often each value was clipped, and how far its elements were beyond."""
        counts, found, clips = dict[str, int](), dict[str, Clip](), arrays.clipped()
        for name, row in self.kernel.clips.items():
            count, low, high = clips[:, row : row + arrays.graph.size(name)]
            if count.any():
                counts[name] = int(count.sum())
                if isinstance(arrays.graph.makers[name], Rescale):
                    found[name] = Clip(count.sum(axis=1), low.min(axis=1), high.max(axis=1))
        return counts, found


def _block(ends: Ends, *addresses: int, steps: int = 1, **others: Array | int) -> Array:
    """The block of words that functions of samples are given; it keeps nothing alive."""
    maps = {name: getattr(ends, name) for name in ("scale", "offset", "out_scale", "out_offset")}
    known = {**maps, **others, "most": int(np.float64(ends.most).view(np.int64)), "steps": steps}
    words = [known.get(name, 0) for name in ENDS]
    words = [w if isinstance(w, int) else w.ctypes.data for w in words]
    return np.array([*words, *addresses, *[0] * (len(ARGUMENTS) - len(addresses))], np.int64)


class NativeStepper:
    """A kernel called for one sample of each of `rows` sequences at a time; see `Stepper`."""

    def __init__(self, call: Call, rows: int, ends: Ends) -> None:
        arrays = self._arrays = arrays_of(call.kernel, rows, 1)
        arrays.begin(None)
        self._function = call.function
        groups, _, lanes = arrays.memory.shape
        self._kept_rows = arrays.memory[:, : call.kernel.memory.states_end]  # all else is computed anew
        self._before = self._kept_rows.copy()
        self.x = np.zeros((rows, len(ends.scale)))
        self.y = np.zeros((rows, len(ends.out_scale)))
        self._ends = ends
        counts = {"rows": rows, "lanes": groups * lanes, "wide": groups * lanes, "groups": groups}
        outside = {"given": self.x, "out": self.y, "before": self._before}
        self._block = _block(ends, *arrays.addresses()[0], **outside, **counts)
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
