"""The graph as the mapping sees it: the live elementwise ops, and the linear maps between them.

Chains of linear ops become one sparse matrix per source. Where that would not fit the chip's weights or
words, a relay goes between: an elementwise `x + 0`, which becomes a population of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from compiler.graph.graph import Block, Value
from compiler.graph.integers import IntegerGraph
from compiler.graph.names import fresh, primed
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Add, Elementwise, Input, Linear, Op, Output, StateRead, StateWrite
from compiler.mapping.sparse import Sparse, identity, matrix_of
from hw_models.arrays import Array, slices_of
from hw_models.chip import Chip
from hw_models.errors import ChipError, GraphError
from hw_models.fixed_point import Format

ZERO = "mapping.zero"
"""The constant that relays add."""


@dataclass(frozen=True)
class LinearMap:
    """A linear result: the sum over `terms` of matrix times source, sent in the block number `home`."""

    name: str
    home: int
    terms: tuple[tuple[str, Sparse], ...]


@dataclass(frozen=True)
class MappingPlan:
    """What is scheduled. `graph` has the live ops without the linear ones; a linear result is one of `maps`.

    `home` is the number of the block that computes a value. The input is a source of maps, and nothing else.
    """

    graph: IntegerGraph
    maps: dict[str, LinearMap]
    home: dict[str, int]
    input: str | None
    output: LinearMap


def make_plan(graph: IntegerGraph, chip: Chip, gated: bool = False) -> MappingPlan:
    """The plan of an integer graph. `gated`: the input reaches all others through a relay of its own."""
    return _Planner(_input_first(graph), chip, gated).plan()


def _input_first(graph: IntegerGraph) -> IntegerGraph:
    """The input op in a first block that runs once: there a sample enters."""
    first = graph.blocks[0]
    if first.repeat == 1 and any(isinstance(op, Input) for op in first.ops):
        return graph
    inputs = tuple(op for _, op in graph.ops() if isinstance(op, Input))
    rest = tuple(replace(b, ops=tuple(op for op in b.ops if not isinstance(op, Input))) for b in graph.blocks)
    return replace(graph, blocks=(Block("input", inputs), *rest))


def _live(graph: IntegerGraph) -> set[str]:
    """The values that a state or the output depends on, without those of size 0."""
    needed: set[str] = set()
    for block in reversed(graph.blocks):
        for op in reversed(block.ops):
            if op.result is None or (op.result in needed and graph.size(op.result)):
                needed.update(op.operands)
    return {n for n in needed if graph.size(n)}


class _Planner:
    def __init__(self, graph: IntegerGraph, chip: Chip, gated: bool) -> None:
        self.graph, self.chip, self.gated = graph, chip, gated
        self.values: dict[str, Value] = dict(graph.values)
        self.constants: dict[str, Array] = {**graph.constants, ZERO: np.zeros(1, np.int64)}
        self.ops: list[list[Op]] = [[] for _ in graph.blocks]
        self.maps: dict[str, LinearMap] = {}
        self.home: dict[str, int] = {}
        self.linear: dict[str, dict[str, Sparse]] = {}
        self.block_of: dict[str, int] = {}
        self.relays: dict[str, str] = {}
        self.input: str | None = None
        self.output: LinearMap | None = None

    def plan(self) -> MappingPlan:
        live = _live(self.graph)
        for number, block in enumerate(self.graph.blocks):
            for op in block.ops:
                if op.result in live or (op.result is None and self.graph.size(op.operands[0])):
                    TAKE(op, self, number)
        if self.output is None:
            raise GraphError("the graph has no output")
        blocks = tuple(replace(b, ops=tuple(ops)) for b, ops in zip(self.graph.blocks, self.ops, strict=True))
        graph = replace(self.graph, blocks=blocks, values=self.values, constants=self.constants)
        return MappingPlan(graph, self.maps, self.home, self.input, self.output)

    def keep(self, op: Op, block: int) -> None:
        """An op of a population stays as it is."""
        for name in op.operands:
            self._need(name, block)
        self._append(op, block)

    def link(self, op: Linear, block: int) -> None:
        """A linear result: what its constants contribute is added to the sum of the others."""
        name, matrix = str(op.result), matrix_of(self.graph, op)
        bias = np.zeros(matrix.shape[0], np.int64)
        for source, own in self._columns(op):
            if source in self.constants:
                bias += matrix.part(own).of_constant(self.constants[source])
        terms = self._compose(op, matrix)
        if not np.any(bias):
            self.block_of[name], self.linear[name] = block, terms
            return
        rest, added, bound = self._value_like(name, "sum"), self._fresh(f"{name}.bias"), self._bound(terms)
        self.values[rest] = replace(self.values[rest], format=Format(self._format(name).fraction, -bound, bound))
        self.constants[added] = bias
        self.block_of[rest], self.linear[rest] = block, terms
        self._need(rest, block)
        self._append(Add(name, rest, added), block)

    def _append(self, op: Op, block: int) -> None:
        self.ops[block].append(op)
        if op.result is not None:
            self.home[op.result] = block

    def enter(self, name: str, block: int) -> None:
        """The input's value is a linear result: the identity of what enters, or of its gate."""
        self.input, self.home[name], self.block_of[name] = name, block, block
        whole = identity(self.graph.size(name))
        self.linear[name] = {name: whole}
        if self.gated:
            entering, gate = self._value_like(name, "in"), self._value_like(name, "gate")
            self.maps[entering] = LinearMap(entering, block, ((name, whole),))
            self._append(Add(gate, entering, ZERO), block)
            self.linear[name] = {gate: whole}

    def leave(self, op: Output, block: int) -> None:
        """The output is one message through one matrix; a relay where it is not one message of a population."""
        if self.graph.blocks[block].repeat != 1:
            raise GraphError("the output stands in a repeated block", where=self.graph.blocks[block].name)
        source, matrix = op.x, identity(self.graph.size(op.x))
        terms = self.linear.get(op.x)
        if terms is not None and len(terms) == 1 and self.input not in terms:
            ((source, matrix),) = terms.items()
        elif terms is not None or source in self.constants:
            self.block_of.setdefault(source, block)
            source = self._relay(source)
        self._append(replace(op, x=source), block)
        self.output = LinearMap(f"{op.x}.out", block, ((source, matrix),))

    def _need(self, name: str, block: int) -> None:
        """An op of `block` reads `name`: a linear result gets its map, split by the blocks that its terms come from."""
        if name not in self.linear or name in self.maps or (name in self.home and name != self.input):
            return
        terms = self.linear[name]
        homes = sorted({self.home[source] for source in terms})
        if len(homes) < 2:
            self.maps[name] = LinearMap(name, homes[0] if homes else block, tuple(terms.items()))
            return
        total = ""
        for home in homes:
            those = {s: m for s, m in terms.items() if self.home[s] == home}
            bound = self._bound(those)
            part = self._value_like(name, f"from{home}")
            self.values[part] = replace(self.values[part], format=Format(self._format(name).fraction, -bound, bound))
            self.maps[part] = LinearMap(part, home, tuple(those.items()))
            if total:
                result = name if home == homes[-1] else self._value_like(name, f"to{home}")
                self._append(Add(result, total, part), self.block_of[name])
                total = result
            else:
                total = part

    def _relay(self, name: str) -> str:
        """A value equal to `name`, computed elementwise in the block of `name`."""
        if name not in self.relays:
            self.relays[name] = self._value_like(name, "relay")
            self._need(name, self.block_of[name])
            self._append(Add(self.relays[name], name, ZERO), self.block_of[name])
        return self.relays[name]

    def _value_like(self, name: str, suffix: str) -> str:
        """A new value with the size and format of another value or constant."""
        new = self._fresh(f"{name}.{suffix}")
        if name in self.values:
            self.values[new] = replace(self.values[name], name=new)
        else:
            low, high = int(self.constants[name].min()), int(self.constants[name].max())
            self.values[new] = Value(new, self.graph.size(name), format=Format(0, low, high))
        return new

    def _fresh(self, name: str) -> str:
        return fresh(primed(name), self.values, self.constants)

    def _columns(self, op: Linear) -> Iterator[tuple[str, slice]]:
        """What it reads, and which of its matrix's columns are of each."""
        return zip(op.operands, slices_of(map(self.graph.size, op.operands)), strict=True)

    def _compose(self, op: Linear, matrix: Sparse) -> dict[str, Sparse]:
        """The op over its nearest sources that are not linear results; through relays where it does not fit."""
        if matrix.highest_weight > self.chip.weight_high:
            raise ChipError(
                f"a weight of {matrix.highest_weight} is more than a synapse holds",
                where=str(op.result),
                numbers=f"{self.chip.name}: at most {self.chip.weight_high}",
            )
        plain: dict[str, Sparse] = {}
        through: dict[str, Sparse] = {}
        fits = True
        for source, own in self._columns(op):
            part = matrix.part(own)
            if source in self.constants or not part.weights.size:
                continue
            _add(plain, source, part)
            inner = self.linear.get(source)
            if inner is None:
                _add(through, source, part)
                continue
            for further, map_ in inner.items():
                composed = part.after(map_)
                fits &= composed.weights.size <= 2 * (part.weights.size + map_.weights.size)
                _add(through, further, composed)
        through = {s: m for s, m in through.items() if m.weights.size}
        fits &= all(m.highest_weight <= self.chip.weight_high for m in through.values())
        if fits and self._bound(through) <= self.chip.word_high:
            return through
        return {self._relay(s) if s in self.linear else s: m for s, m in plain.items()}

    def _format(self, name: str) -> Format:
        found = self.values[name].format
        assert found is not None  # those of the graph, and those made here, have one
        return found

    def _bound(self, terms: dict[str, Sparse]) -> int:
        """The largest magnitude of any partial sum."""
        totals = [m.row_sums() * self._format(s).magnitude for s, m in terms.items()]
        return int(np.max(np.sum(totals, axis=0)))


TAKE: OpTable[[_Planner, int], None] = OpTable("plan")
"""Takes up an op of a block: what becomes of it where linear ops are maps."""
TAKE.on(Elementwise, StateRead, StateWrite)(lambda op, planner, block: planner.keep(op, block))
TAKE.on(Linear)(lambda op, planner, block: planner.link(op, block))
TAKE.on(Input)(lambda op, planner, block: planner.enter(op.out, block))
TAKE.on(Output)(lambda op, planner, block: planner.leave(op, block))


def _add(terms: dict[str, Sparse], source: str, matrix: Sparse) -> None:
    terms[source] = terms[source].plus(matrix) if source in terms else matrix
