"""The editor of graphs, for all passes: `rewrite(graph, rule, ...)` is one sweep of local rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.graph.constants import keep
from compiler.graph.graph import Block, Graph, State, TimeConstant
from compiler.graph.names import fresh, rewritten, unrewritten
from compiler.graph.ops import Add, Input, Mul, Op, Output, StateWrite
from hw_models.arrays import Floats, Integers

RewriteRule: TypeAlias = "Callable[[Draft, Op], Op | str | None]"
"""A local rule: an op whose result it is, the name of an equal value or constant, or None to leave the op."""


def reals(graph: Graph | Draft, name: str) -> Floats:
    """A constant that is a factor, an addend or a matrix."""
    return np.asarray(graph.constants[name], np.float64)


def integers(graph: Graph | Draft, name: str) -> Integers:
    """A constant that is an index or a segment."""
    return np.asarray(graph.constants[name], np.int64)


class Draft:
    """Copies a graph op by op. Rules see the finished part as `definitions` and may put helper ops before theirs."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.values = dict(graph.values)
        self.constants = dict(graph.constants)
        self._host = graph.host_arrays
        self.fractions = dict(graph.fractions)
        self.states: list[State] = list(graph.states)
        self.time_constants: list[TimeConstant] = list(graph.time_constants)
        self.definitions: dict[str, Op] = {}
        """the op of each value so far"""
        self.block_of: dict[str, int] = {}
        self.readers = graph.consumers()
        self.uses = Counter(n for _, op in graph.ops() for n in op.operands)
        self.changed = False
        self._alias: dict[str, str] = {}
        self._blocks: list[Block] = []
        self.block = Block("", ())
        """the block being copied"""
        self._ops: list[Op] = []

    # --- what rules ask ---

    def size(self, name: str) -> int:
        """Elements of a value or constant."""
        return self.values[name].size if name in self.values else int(self.constants[name].size)

    def array(self, name: str) -> Floats | None:
        """The array of a constant, None for a value."""
        return reals(self, name) if name in self.constants else None

    def definition(self, name: str) -> Op | None:
        """The op that computes a value, None for a constant."""
        return self.definitions.get(name)

    def here(self, name: str) -> bool:
        """Whether a value is computed in the block being copied."""
        return self.block_of.get(name) == len(self._blocks)

    def own(self, name: str) -> bool:
        """Whether a value is computed in this block for a single reader: then a rule may take it apart."""
        return self.uses[name] == 1 and self.here(name)

    def host_side(self, name: str) -> bool:
        """Whether a value is the input after at most a map per channel, which the host computes where it can."""
        op = self.definitions.get(name)
        while isinstance(op, (Add, Mul)) and op.b in self.constants:
            op = self.definitions.get(op.a)
        return isinstance(op, Input)

    # --- what rules make ---

    def fresh(self, name: str) -> str:
        """`name` if it is free, else a name like it."""
        return fresh(rewritten(name), self.values, self.constants, self._host)

    def constant(self, array: npt.NDArray[np.generic], name: str) -> str:
        """Add a constant, under `name` if it is free or stands for just this array."""
        known = (name,) if name in self.constants else ()
        return keep(self.constants, np.asarray(array), chain(known, rewritten(name)), self.values, self._host)

    def value(self, name: str, like: str, size: int) -> str:
        """Add a value with the origin of value `like`, under `name` if it is free. Its op is put later."""
        name = self.fresh(name)
        self.values[name] = replace(self.values[like], name=name, size=size)
        return name

    def emit(self, make: Callable[[str], Op], name: str, like: str, size: int | None = None) -> str:
        """Put `make(result)` before the current op; the result has the origin of value `like`. Returns its name."""
        name = self.value(name, like, self.values[like].size if size is None else size)
        self.append(make(name))
        return name

    def append(self, op: Op) -> None:
        """Put `op` before the current one. Its result is a value of the draft."""
        self._ops.append(op)
        if op.result is not None:
            self.definitions[op.result] = op
            self.block_of[op.result] = len(self._blocks)

    # --- the sweep ---

    def begin(self, block: Block) -> None:
        """Start copying `block`."""
        self.block, self._ops = block, []

    def copy(self, block: Block) -> None:
        """Copy a whole block as it is, or as it was made."""
        self.begin(block)
        for op in block.ops:
            self.append(op)
        self.end()

    def end(self) -> None:
        """The block is copied."""
        self._blocks.append(replace(self.block, ops=tuple(self._ops)))

    def current(self, name: str) -> str:
        """The name that now stands for `name`."""
        return self._alias.get(name, name)

    def put(self, op: Op, new: Op | str | None) -> None:
        """Copy `op`, or what a rule gave in its place."""
        if new is not None:
            self.changed = True
        if not isinstance(new, str):
            self.append(new or op)
        elif op.result is not None:
            self.alias(op.result, new)

    def alias(self, old: str, new: str) -> None:
        """Let `new` stand for the value or constant `old` from here on."""
        self.changed = True
        self._alias[old] = new
        self.uses[new] += self.uses[old] - 1

    def finish(self) -> Graph:
        """The new graph, without what nothing reads; the old one if nothing was changed."""
        return tidy(self.whole()) if self.changed else self.graph

    def whole(self) -> Graph:
        """The new graph with all that was in the old one."""
        marks = [replace(t, keep=self.current(t.keep), total=self.current(t.total)) for t in self.time_constants]
        return replace(
            self.graph,
            blocks=tuple(self._blocks),
            values=self.values,
            constants=self.constants,
            states=tuple(self.states),
            time_constants=tuple(marks),
            fractions=self.fractions,
        )


def rewrite(graph: Graph, *rules: RewriteRule) -> Graph:
    """Copy `graph`, trying the rules in turn on each op; an op that a rule returns is tried on the rules after it."""
    return sweep(Draft(graph), *rules).finish()


def sweep(draft: Draft, *rules: RewriteRule) -> Draft:
    """Copy the graph of a draft, as `rewrite` does."""
    for block in draft.graph.blocks:
        draft.begin(block)
        for op in block.ops:
            op = op.renamed(draft.current)
            result: Op | str | None = None
            for rule in rules:
                found = rule(draft, op if result is None else result)
                if found is not None:
                    result = found
                if isinstance(result, str):
                    break
            draft.put(op, result)
        draft.end()
    return draft


def tidy(graph: Graph) -> Graph:
    """Drop ops, values, constants and blocks that nothing needs, and number suffixes that have become needless.

    Effects stay, and so does the input, whose size is the model's.
    """
    blocks = _needed(graph)
    kept = [op for block in blocks for op in block.ops]
    values = {op.result for op in kept if op.result is not None}
    marks = tuple(t for t in graph.time_constants if t.total in values or t.total in graph.constants)
    arrays = {n for op in kept for n in (*op.operands, *op.arrays) if n in graph.constants}
    arrays |= {n for s in graph.states for n in (s.initial, s.low, s.high) if n is not None}
    arrays |= {n for t in marks for n in (t.keep, t.total)} - values
    names = _shorter(graph, values | arrays)

    def new(name: str) -> str:
        return names.get(name, name)

    def end(name: str | None) -> str | None:
        return None if name is None else new(name)

    table = {new(op.result): replace(graph.values[op.result], name=new(op.result)) for op in kept if op.result}
    return replace(
        graph,
        blocks=tuple(replace(b, ops=tuple(op.renamed(new) for op in b.ops)) for b in blocks),
        values=table,
        constants={new(n): c for n, c in graph.constants.items() if n in arrays},
        states=tuple(replace(s, initial=new(s.initial), low=end(s.low), high=end(s.high)) for s in graph.states),
        time_constants=tuple(replace(t, keep=new(t.keep), total=new(t.total)) for t in marks),
    )


def _needed(graph: Graph) -> list[Block]:
    """The blocks with the ops that have an effect or lead to one."""
    needed: set[str] = set()
    blocks: list[Block] = []
    for block in reversed(graph.blocks):
        ops: list[Op] = []
        for op in reversed(block.ops):
            if isinstance(op, (Input, Output, StateWrite)) or op.result in needed:
                ops.append(op)
                needed.update(op.operands)
        if ops:
            blocks.append(replace(block, ops=tuple(reversed(ops))))
    return blocks[::-1]


def _shorter(graph: Graph, taken: set[str]) -> dict[str, str]:
    """Names without a number suffix, by those with one, where they have become free."""
    names: dict[str, str] = {}
    for name in sorted(taken):
        base = unrewritten(name)
        if base not in taken and (base in graph.values or base in graph.constants):
            names[name] = base
            taken = (taken - {name}) | {base}
    return names
