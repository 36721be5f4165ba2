"""A graph: values, states, constants and an ordered list of blocks. Immutable; passes make new ones.

A sample runs the blocks in order, each `repeat` times. A value is seen by the ops after it in its block
and, when its block runs once, by later blocks. A state is seen by `StateRead`; its writes take effect
together when an iteration of the block ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from compiler.graph.host_map import HostMap
from compiler.graph.op import OpT
from compiler.graph.ops import Input, Op, Output, StateWrite
from hw_models.arrays import Array
from hw_models.errors import GraphError
from hw_models.fixed_point import Format


@dataclass(frozen=True)
class Value:
    """A vector that an op computes.

    `modules` and `lines` are its origin: module paths and source lines of the user's model.
    In an integer graph `format` is its format and `represents` the float value that it stands for.
    """

    name: str
    size: int
    modules: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    format: Format | None = None
    represents: str | None = None


@dataclass(frozen=True)
class State:
    """A vector that lives from sample to sample.

    `initial` names its constant at the start of a sequence; `low` and `high` name the constants of its
    proven bound, element by element, where there is one.
    """

    name: str
    size: int
    initial: str
    low: str | None = None
    high: str | None = None
    modules: tuple[str, ...] = ()
    format: Format | None = None


@dataclass(frozen=True)
class TimeConstant:
    """A state's liquid time constant: tau = dt / repeat * keep / (total - keep), in the unit of dt.

    `keep` is a constant, or a value where the time before each sample is a part of the input (then it is dt), and
    `total` a value or constant of the block that runs `repeat` times a sample; both may carry one common factor per
    neuron. In an integer graph both have the fraction of `total`'s format.
    """

    state: str
    keep: str
    total: str
    repeat: int


@dataclass(frozen=True)
class Block:
    """Ops that run `repeat` times a sample."""

    name: str
    ops: tuple[Op, ...]
    repeat: int = 1

    @property
    def computed(self) -> tuple[Op, ...]:
        """What each iteration computes, in this order."""
        return tuple(op for op in self.ops if op.result is not None)

    @property
    def commits(self) -> tuple[StateWrite, ...]:
        """What takes effect, all together, when an iteration has ended."""
        return tuple(op for op in self.ops if isinstance(op, StateWrite))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What leaves."""
        return tuple(op for op in self.ops if isinstance(op, Output))


@dataclass(frozen=True)
class Graph:
    """The program. Float graph: no value has a format. Integer graph: each has one."""

    blocks: tuple[Block, ...]
    values: Mapping[str, Value]
    constants: Mapping[str, Array]
    states: tuple[State, ...] = ()
    time_constants: tuple[TimeConstant, ...] = ()
    fractions: Mapping[str, int] = field(default_factory=dict)
    """integer graph: the fraction bits of a constant that is an operand"""

    def ops(self) -> Iterator[tuple[Block, Op]]:
        """All ops in order, each with its block."""
        for block in self.blocks:
            for op in block.ops:
                yield block, op

    @cached_property
    def entry(self) -> Input:
        """Where samples enter. Raises `GraphError` where nothing does."""
        return self._only(Input, "input")

    @cached_property
    def answer(self) -> Output:
        """Where the result leaves. Raises `GraphError` where nothing does."""
        return self._only(Output, "output")

    def _only(self, kind: type[OpT], name: str) -> OpT:
        for _, op in self.ops():
            if isinstance(op, kind):
                return op
        raise GraphError(f"the graph has no {name}")

    @cached_property
    def makers(self) -> Mapping[str, Op]:
        """The op of each value."""
        return {op.result: op for _, op in self.ops() if op.result is not None}

    def state(self, name: str) -> State:
        """The state of that name."""
        return next(s for s in self.states if s.name == name)

    def size(self, name: str) -> int:
        """The size of a value or constant."""
        return self.values[name].size if name in self.values else int(np.size(self.constants[name]))

    @property
    def is_integer(self) -> bool:
        """Whether its values have formats."""
        return any(v.format is not None for v in self.values.values())

    @property
    def host_arrays(self) -> Mapping[str, Array]:
        """The arrays of the host's maps at input and output: in a float graph, constants like others."""
        names = [n for _, op in self.ops() if isinstance(op, (Input, Output)) for n in op.arrays]
        return {n: self.constants[n] for n in names if n in self.constants}

    @property
    def input_map(self) -> HostMap:
        """What the host makes of a sample, before it is rounded to integers."""
        return self._host_map(self.entry)

    @property
    def output_map(self) -> HostMap:
        """What the host makes of the real values of the result."""
        return self._host_map(self.answer)

    def _host_map(self, end: Input | Output) -> HostMap:
        arrays = self.host_arrays
        return HostMap(*(np.asarray(arrays[name], np.float64) for name in (end.scale, end.offset)))

    def consumers(self) -> dict[str, list[tuple[Block, Op]]]:
        """For each value and constant, the ops that read it as an operand."""
        found: dict[str, list[tuple[Block, Op]]] = {}
        for block, op in self.ops():
            for name in dict.fromkeys(op.operands):
                found.setdefault(name, []).append((block, op))
        return found
