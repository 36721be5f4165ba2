"""Sums in a solver's sub-steps: what stays the same in all of them is added up once, halves for rounding with it.

(x + p) + q becomes x + (p + q), where p and q do not change from sub-step to sub-step; and the half that rounding adds
to x + p before its shift goes into p. No integer that a state or the output holds changes. For integer graphs that are
about to be mapped: the values in between are other ones.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from compiler.graph.graph import Block, Value
from compiler.graph.integers import IntegerGraph, as_integers
from compiler.graph.names import fresh, rewritten
from compiler.graph.ops import Add, Op, Rescale, Shift, StateRead, StateWrite, Sub
from compiler.rewrite.hoist import hoist
from hw_models.fixed_point import Format


def settle_sums(graph: IntegerGraph, highest: int) -> IntegerGraph:
    """The same states and output; no integer in between exceeds `highest`."""
    settling = _Settling(graph, highest)
    blocks = tuple(settling.block(block) if block.repeat > 1 else block for block in graph.blocks)
    values, constants, fractions = settling.values, settling.constants, settling.fractions
    settled = replace(graph, blocks=blocks, values=values, constants=constants, fractions=fractions)
    return as_integers(hoist(settled if blocks != graph.blocks else graph))


class _Settling:
    """Rewrites blocks, one after another. What nobody reads any more is left out."""

    def __init__(self, graph: IntegerGraph, highest: int) -> None:
        self.highest = highest
        self.values, self.constants = dict(graph.values), dict(graph.constants)
        self.fractions = dict(graph.fractions)
        self.readers = Counter(n for _, op in graph.ops() for n in op.operands)
        marks = (n for t in graph.time_constants for n in (t.keep, t.total))
        self.readers.update(marks)
        self.ops: dict[str, Op] = {}
        """of the block, by their results"""
        self.moving: set[str] = set()

    def block(self, block: Block) -> Block:
        """Its sums settled."""
        self.moving = _moving(block)
        self.ops = {op.result or f"effect {n}": op for n, op in enumerate(block.ops)}
        for name in list(self.ops):
            op = self.ops.get(name)
            if isinstance(op, Add):
                self._join(op)
        for name in list(self.ops):
            op = self.ops.get(name)
            if isinstance(op, Rescale):
                self._round(op)
        ops = tuple(self.ops.values())
        return block if ops == block.ops else replace(block, ops=_in_order(ops))

    def _parts(self, name: str) -> tuple[str, str] | None:
        """What moves and what stays of a sum of two."""
        op = self.ops.get(name)
        if isinstance(op, Add) and (op.a in self.moving) != (op.b in self.moving):
            return (op.a, op.b) if op.a in self.moving else (op.b, op.a)
        return None

    def _join(self, op: Add) -> None:
        """(x + p) + q as x + (p + q)."""
        outer = self._parts(op.out)
        inner = self._parts(outer[0]) if outer else None
        if outer is None or inner is None or self.readers[outer[0]] > 1:
            return
        total = self._sum(inner[1], outer[1])
        if total is not None:
            del self.ops[outer[0]]
            self.ops[op.out] = Add(op.out, inner[0], total)

    def _round(self, op: Rescale) -> None:
        """floor((x + p) / 2^s + 1/2) as floor((x + (p + half)) / 2^s); what else reads x + p takes off the half."""
        half = 1 << op.shift >> 1
        (low, high), (least, most) = self._reach(op.x), self._reach(op.out)
        clips = low + half >> op.shift < least or high + half >> op.shift > most
        if not half or clips or high + half > self.highest:
            return
        source, halves = self.ops.get(op.x), self._constant("half", np.array([half]), op.x)
        if isinstance(source, Sub) and self.readers[op.x] == 1 and self.readers[source.a] == 1:
            parts = self._parts(source.a)
            total = None if parts is None else self._sum(parts[1], halves)
            if parts is None or total is None:
                return
            first = self._like(source.a, half)
            self.ops[first] = Add(first, parts[0], total)
            del self.ops[source.a], self.ops[op.x]
            x = self._like(op.x, half)
            self.ops[x] = Sub(x, first, source.b)
        else:
            parts = self._parts(op.x)
            others = [o for o in self.ops.values() if op.x in o.operands and o is not op]
            sums = [o for o in others if isinstance(o, Add) and o.b in self.constants and o.a == op.x]
            total = None if parts is None or len(sums) + 1 != self.readers[op.x] else self._sum(parts[1], halves)
            if parts is None or total is None:
                return
            x = self._like(op.x, half)
            self.ops[x] = Add(x, parts[0], total)
            del self.ops[op.x]
            for other in sums:
                less = self._constant(f"{other.b}.less", self.constants[other.b] - half, other.b)
                self.ops[other.out] = Add(other.out, x, less)
        self.moving.add(x)
        self.ops[op.out] = Shift(op.out, x, self._constant("down", np.array([-op.shift]), op.x))

    def _sum(self, p: str, q: str) -> str | None:
        """The name of what stays the same, added up; None where it is more than a word holds."""
        (low, high), (least, most) = self._reach(p), self._reach(q)
        if max(-(low + least), high + most) > self.highest:
            return None
        if p in self.constants and q in self.constants:
            return self._constant(f"{p}+{q}", self.constants[p] + self.constants[q], p)
        value = p if p in self.values else q
        new = self._new(f"{value}.settled")
        form = Format(self._fraction(value), low + least, high + most)
        self.values[new] = replace(self.values[value], name=new, format=form, represents=None)
        self.ops[new] = Add(new, p, q)
        self.readers[new] += 1
        return new

    def _like(self, name: str, more: int) -> str:
        """A new value that is `name` and so much more."""
        form, new = self._format(self.values[name]), self._new(f"{name}.half")
        form = replace(form, low=form.low + more, high=form.high + more)
        self.values[new] = replace(self.values[name], name=new, format=form, represents=None)
        self.moving.add(new)
        self.readers[new] = self.readers[name]
        return new

    def _constant(self, name: str, array: np.ndarray, like: str) -> str:
        new = self._new(name)
        self.constants[new], self.fractions[new] = array, self._fraction(like)
        return new

    def _new(self, name: str) -> str:
        return fresh(rewritten(name), self.values, self.constants)

    def _fraction(self, name: str) -> int:
        return self.fractions.get(name, 0) if name in self.constants else self._format(self.values[name]).fraction

    def _reach(self, name: str) -> tuple[int, int]:
        if name in self.constants:
            return int(self.constants[name].min()), int(self.constants[name].max())
        form = self._format(self.values[name])
        return form.low, form.high

    @staticmethod
    def _format(value: Value) -> Format:
        assert value.format is not None  # an integer graph's values have one
        return value.format


def _moving(block: Block) -> set[str]:
    """The values that are not the same in all iterations."""
    written = {op.state for op in block.ops if isinstance(op, StateWrite)}
    moving: set[str] = set()
    for op in block.ops:
        reads = isinstance(op, StateRead) and op.state in written
        if op.result is not None and (reads or any(n in moving for n in op.operands)):
            moving.add(op.result)
    return moving


def _in_order(ops: tuple[Op, ...]) -> tuple[Op, ...]:
    """The ops, each after those that it reads."""
    waiting = {op.result: op for op in ops if op.result is not None}
    found: list[Op] = []

    def put(op: Op) -> None:
        if op.result is not None and waiting.pop(op.result, None) is None:
            return
        for name in op.operands:
            if name in waiting:
                put(waiting[name])
        found.append(op)

    for op in ops:
        put(op)
    return tuple(found)
