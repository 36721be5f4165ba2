"""A float graph in the making, as a front end records it: block by block, op by op.

Values are numbered while it grows and named at the end, when it is known what came after each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.graph.constants import keep
from compiler.graph.graph import Block, Graph, State, Value
from compiler.graph.names import fresh, numbered, unique
from compiler.graph.ops import Gather, Input, Op, Output, StateRead, StateWrite
from compiler.graph.origin import Origin, final_names
from hw_models.arrays import Array

Make = Callable[[str], Op]
"""The op, given the name of its result"""


@dataclass(frozen=True)
class _Computed:
    op: Op
    size: int
    block: int
    origin: Origin


@dataclass
class _OpenBlock:
    name: str
    repeat: int
    ops: list[Op] = field(default_factory=list)


class GraphBuilder:
    """Blocks, values, states and constants so far. An op goes into the last block, which is open."""

    def __init__(self) -> None:
        self.constants: dict[str, Array] = {}
        self.makers: dict[str, Op] = {}
        """the op of each value"""
        self._values: dict[str, _Computed] = {}
        self._known: dict[Op, str] = {}
        self._states: dict[str, State] = {}
        self._reads: dict[str, str] = {}
        self._indices: dict[tuple[tuple[int, ...], bytes], str] = {}
        self._blocks = [_OpenBlock("input", 1)]

    # --- values ---

    def known(self, op: Op) -> str | None:
        """The value of an equal op, its result's name aside, if one is in sight."""
        made = self._known.get(op)
        return made if made is not None and self.in_sight(made) else None

    def append(self, make: Make, size: int, origin: Origin) -> str:
        """Append the op that `make` gives for the name of its result, which has `size` elements. Returns the name."""
        value, template = f"%{len(self._values)}", make("")
        op = self.makers[value] = make(value)
        self._values[value] = _Computed(op, size, len(self._blocks) - 1, origin)
        self._blocks[-1].ops.append(op)
        if not isinstance(op, StateRead):
            self._known[template] = value
        return value

    def size(self, name: str) -> int:
        """The size of a value or constant."""
        return self._values[name].size if name in self._values else int(self.constants[name].size)

    def in_sight(self, value: str) -> bool:
        """Whether the open block may read a value: one of its own, or of a block that runs once."""
        block = self._blocks[self._values[value].block]
        return block is self._blocks[-1] or block.repeat == 1

    # --- constants ---

    def constant(self, array: Array, name: str) -> str:
        """A constant of that name, or a numbered one where the name already has another content."""
        return keep(self.constants, array, numbered(name))

    def index(self, array: npt.NDArray[np.int64], hint: str) -> str:
        """The constant that holds an index or segment array."""
        key = (array.shape, array.tobytes())
        if key not in self._indices:
            self._indices[key] = self.constant(array.astype(np.int64), hint)
        return self._indices[key]

    # --- the graph's ends ---

    def input(self, size: int, origin: Origin) -> str:
        """The value that enters."""
        scale, offset = self._host_map("input", size)
        return self.append(lambda out: Input(out, scale, offset), size, origin)

    def output(self, value: str) -> None:
        """The value that leaves."""
        self._blocks[-1].ops.append(Output(value, *self._host_map("output", self.size(value))))

    def _host_map(self, end: str, size: int) -> tuple[str, str]:
        return self.constant(np.ones(size), f"{end}.scale"), self.constant(np.zeros(size), f"{end}.offset")

    # --- states and blocks ---

    def state_name(self, name: str) -> str:
        """A name for a new state."""
        return fresh(numbered(name), self._states)

    def add_state(self, state: State) -> None:
        """A new state, whose constants are there."""
        self._states[state.name] = state

    def state_size(self, state: str) -> int:
        """The size of a state."""
        return self._states[state].size

    def read(self, state: str, origin: Origin) -> str:
        """The state as it is now."""
        self._reads[state] = self.append(lambda out: StateRead(out, state), self.state_size(state), origin)
        return self._reads[state]

    def states_read_as(self, value: str) -> list[str]:
        """The states that were last read as this value."""
        return [state for state, read in self._reads.items() if read == value]

    def write(self, state: str, value: str) -> None:
        """Let `value` be the state's next one; nothing to do where it is the state as just read."""
        if value != self._reads.get(state):
            self._blocks[-1].ops.append(StateWrite(state, value))
            self._reads.pop(state, None)

    def holds_states(self, value: str) -> bool:
        """Whether a value is what states are set to or read as, or is gathered from such values."""
        ops = [op for block in self._blocks for op in block.ops]
        gathers = {op.out: op.sources for op in ops if isinstance(op, Gather)}
        read_or_written = [op for op in ops if isinstance(op, (StateRead, StateWrite))]
        states = {op.x if isinstance(op, StateWrite) else op.out for op in read_or_written}
        states |= {source for state in states for source in gathers.get(state, ())}
        return value in states or states.issuperset(gathers.get(value, (value,)))

    @property
    def repeats(self) -> bool:
        """Whether the open block runs more than once a sample."""
        return self._blocks[-1].repeat != 1

    def begin_block(self, name: str, repeat: int = 1) -> None:
        """Close the open block; what follows runs `repeat` times a sample."""
        self._blocks.append(_OpenBlock(name, repeat))

    # --- the end ---

    def graph(self) -> tuple[Graph, dict[str, str]]:
        """The graph, without states that are read in vain, and the final name of each value."""
        used = {name for block in self._blocks for op in block.ops for name in op.operands}
        blocks = [
            _OpenBlock(b.name, b.repeat, [op for op in b.ops if not (isinstance(op, StateRead) and op.out not in used)])
            for b in self._blocks
        ]
        kept = {op.result: self._values[op.result] for b in blocks for op in b.ops if op.result is not None}
        final = final_names({name: made.origin for name, made in kept.items()}, {*self.constants, *self._states})
        values = [Value(final[name], made.size, made.origin.modules, made.origin.lines) for name, made in kept.items()]
        graph = Graph(
            blocks=tuple(
                Block(name, tuple(op.renamed(lambda n: final.get(n, n)) for op in b.ops), b.repeat)
                for name, b in zip(unique(b.name for b in blocks), blocks, strict=True)
            ),
            values={value.name: value for value in values},
            constants=self.constants,
            states=tuple(self._states.values()),
        )
        return graph, final


AnyGraph: TypeAlias = Graph | GraphBuilder
"""What has constants, and sizes: finished, or in the making"""
