"""Running a graph sample by sample: what the interpreters have in common, and no arithmetic.

A backend brings its kernels, a table keyed by op: `kernels(op, graph)` returns a function from the values
by name to the op's result, an array (size, batch).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias, TypeVar

import numpy as np

from compiler.graph.graph import Block, Graph
from compiler.graph.ops import Op, Output, StateRead
from hw_models.arrays import Array

CACHED = 2**17
"""Elements of the arrays that a run works on: few enough to stay in the cache, enough to hide Python."""


@dataclass(frozen=True)
class Clip:
    """What each element of a value was where it was clipped: arrays (size,)."""

    counts: Array
    """how often"""
    low: Array
    """the smallest before it was clipped; of one that never was, the largest integer"""
    high: Array
    """the largest; of one that never was, the smallest integer"""

    def joined(self, other: Clip) -> Clip:
        """Both together."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Clip(self.counts + other.counts, low, high)


@dataclass
class Frame:
    """What kernels read and write while a graph runs."""

    values: dict[str, Array]
    """values and constants by name, (size, batch) or (size, 1)"""
    sample: Array
    """this sample's features as the interpreter takes them, (features, batch)"""
    states: dict[str, Array] = field(default_factory=dict)
    """what StateRead reads, (size, batch)"""
    saturations: dict[str, int] = field(default_factory=dict)
    clips: dict[str, Clip] = field(default_factory=dict)

    def count(self, name: str, saturated: int) -> None:
        """Add to the saturations counted at value `name`."""
        if saturated:
            self.saturations[name] = self.saturations.get(name, 0) + saturated

    def clip(self, name: str, before: Array, after: Array) -> None:
        """Remember how far value `name` was beyond what it may be, where it was."""
        changed, limits = before != after, np.iinfo(before.dtype)
        low, high = (np.where(changed, before, end) for end in (limits.max, limits.min))
        found = Clip(np.count_nonzero(changed, axis=1), low.min(axis=1), high.max(axis=1))
        self.clips[name] = self.clips[name].joined(found) if name in self.clips else found


OpKernel: TypeAlias = Callable[[Frame], Array]
G = TypeVar("G", bound=Graph)
OpKernels: TypeAlias = Callable[[Op, G], OpKernel]


@dataclass(frozen=True)
class Execution:
    """The result of a run; arrays are (batch, time, size)."""

    outputs: Array
    states: dict[str, Array]
    """each state after each sample"""
    record: dict[str, Array]
    saturations: dict[str, int]
    final: dict[str, Array]
    """each state after the last sample, (batch, size)"""
    clips: dict[str, Clip] = field(default_factory=dict)
    """of values that were clipped, where the interpreter tells"""

    def row(self, number: int) -> Execution:
        """One sequence, as a batch of one; what saturated or was clipped is that of all, so it is left out."""
        part = slice(number, number + 1)
        states, record, final = ({n: a[part] for n, a in t.items()} for t in (self.states, self.record, self.final))
        return Execution(self.outputs[part], states, record, {}, final)


@dataclass(frozen=True)
class PreparedBlock:
    """A block of a graph, ready to run: each iteration computes, in this order, then writes."""

    repeat: int
    computed: tuple[tuple[str, OpKernel], ...]
    """names of values, with their kernels"""
    written: tuple[tuple[str, str], ...]
    """names of states, with those of the values that they take"""
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class PreparedGraph:
    """A graph with its kernels, ready to run many times."""

    graph: Graph
    constants: dict[str, Array]
    blocks: tuple[PreparedBlock, ...]

    def run(
        self,
        x: Array,
        state: Mapping[str, Array] | None = None,
        record: Sequence[str] = (),
        observe: Callable[[str, Array], None] | None = None,
    ) -> Execution:
        """Run over `x` (batch, time, features), from `state` ({name: (batch, size)}) or the initial one.

        `record` names values; of a value in a repeated block the last iteration's is kept. `observe` is called
        with every result, (size, batch), as it is computed.
        """
        lanes = self.lanes
        if len(x) <= lanes:
            return self._run(x, state, record, observe)
        parts = []
        for i in range(0, len(x), lanes):
            part = None if state is None else {n: s[i : i + lanes] for n, s in state.items()}
            parts.append(self._run(x[i : i + lanes], part, record, observe))
        return join_runs(parts)

    @cached_property
    def lanes(self) -> int:
        """How many sequences run side by side: as many as keep a value's array in the processor's cache."""
        return max(1, CACHED // max((v.size for v in self.graph.values.values()), default=1))

    def _run(
        self,
        x: Array,
        state: Mapping[str, Array] | None,
        record: Sequence[str],
        observe: Callable[[str, Array], None] | None,
    ) -> Execution:
        graph, (batch, steps, _) = self.graph, x.shape
        states = {
            s.name: np.ascontiguousarray(state[s.name].T)
            if state is not None
            else np.repeat(self.constants[s.initial], batch, axis=1)
            for s in graph.states
        }
        frame = Frame(dict(self.constants), x[:, 0].T if steps else x.reshape(-1, batch), states)
        outputs: list[Array] = []
        history: dict[str, list[Array]] = {name: [] for name in states}
        recorded: dict[str, list[Array]] = {name: [] for name in record}
        for t in range(steps):
            frame.sample = x[:, t].T
            for block in self.blocks:
                for _ in range(block.repeat):
                    _iterate(block, frame, outputs, observe)
            for name, values in history.items():
                values.append(states[name])
            for name, values in recorded.items():
                values.append(_wide(frame.values[name], batch))
        size = next((graph.size(op.x) for _, op in graph.ops() if isinstance(op, Output)), 0)
        return Execution(
            outputs=_stack(outputs, batch, size),
            states={n: _stack(v, batch, graph.state(n).size) for n, v in history.items()},
            record={n: _stack(v, batch, graph.size(n)) for n, v in recorded.items()},
            saturations=frame.saturations,
            final={n: v.T for n, v in states.items()},
            clips=frame.clips,
        )


def join_runs(parts: Sequence[Execution]) -> Execution:
    """Runs of one program over parts of a batch, as one."""
    saturations: dict[str, int] = {}
    for part in parts:
        for name, count in part.saturations.items():
            saturations[name] = saturations.get(name, 0) + count

    clips: dict[str, Clip] = {}
    for part in parts:
        for name, clip in part.clips.items():
            clips[name] = clips[name].joined(clip) if name in clips else clip

    def whole(tables: Sequence[dict[str, Array]]) -> dict[str, Array]:
        return {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}

    return Execution(
        np.concatenate([p.outputs for p in parts]),
        whole([p.states for p in parts]),
        whole([p.record for p in parts]),
        saturations,
        whole([p.final for p in parts]),
        clips,
    )


def _iterate(
    block: PreparedBlock, frame: Frame, outputs: list[Array], observe: Callable[[str, Array], None] | None
) -> None:
    """One iteration of a block."""
    values, batch = frame.values, frame.sample.shape[1]
    for name, kernel in block.computed:
        found = values[name] = kernel(frame)
        if observe is not None:
            observe(name, found)
    for value in block.outputs:
        outputs.append(_wide(values[value], batch))
    frame.states.update({state: _wide(values[value], batch) for state, value in block.written})


def _wide(array: Array, batch: int) -> Array:
    """A constant is one column, which all sequences have."""
    return array if array.shape[1] == batch else np.broadcast_to(array, (len(array), batch))


def concatenated(frame: Frame, sources: Sequence[str]) -> Array:
    """The values `sources`, concatenated."""
    if len(sources) == 1:
        return frame.values[sources[0]]
    arrays = [frame.values[s] for s in sources]
    batch = max(a.shape[1] for a in arrays)
    return np.concatenate([_wide(a, batch) for a in arrays])


def prepare(graph: G, kernels: OpKernels[G]) -> PreparedGraph:
    """`graph` with the kernels of one backend."""
    return PreparedGraph(
        graph,
        {n: column(c) for n, c in graph.constants.items()},
        tuple(_prepared(graph, block, kernels) for block in graph.blocks),
    )


def _prepared(graph: G, block: Block, kernels: OpKernels[G]) -> PreparedBlock:
    return PreparedBlock(
        block.repeat,
        tuple((op.result, _kernel(graph, op, kernels)) for op in block.computed if op.result is not None),
        tuple((op.state, op.x) for op in block.commits),
        tuple(op.x for op in block.outputs),
    )


def column(constant: Array) -> Array:
    """A constant beside the sequences of a frame."""
    return constant.reshape(-1, 1) if constant.ndim == 1 else constant


def _stack(arrays: list[Array], batch: int, size: int) -> Array:
    """(time) x (size, batch) -> (batch, time, size)."""
    return np.stack(arrays).transpose(2, 0, 1) if arrays else np.zeros((batch, 0, size))


def _kernel(graph: G, op: Op, kernels: OpKernels[G]) -> OpKernel:
    if isinstance(op, StateRead):
        state = op.state
        return lambda frame: frame.states[state]
    return kernels(op, graph)
