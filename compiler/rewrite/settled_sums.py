"""Sums in a solver's sub-steps: what stays the same in all of them is added up once, halves for rounding with it.

(x + p) + q becomes x + (p + q), where p and q do not change from sub-step to sub-step; and the half that rounding adds
to x + p before its shift goes into p. No integer that a state or the output holds changes. For integer graphs that are
about to be mapped: the values in between are other ones.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from compiler.graph.draft import Draft
from compiler.graph.graph import Block
from compiler.graph.integers import IntegerGraph, as_integers
from compiler.graph.ops import Add, Op, Rescale, Shift, Sub
from compiler.rewrite.hoist import hoist, moving_values
from hw_models.fixed_point import Format


def settle_sums(graph: IntegerGraph, highest: int) -> IntegerGraph:
    """The same states and output; no integer in between exceeds `highest`."""
    draft = Draft(graph)
    settling = _Settling(draft, highest)
    for block in graph.blocks:
        draft.copy(settling.block(block) if block.repeat > 1 else block)
    settled = draft.whole()
    return as_integers(hoist(settled if settled.blocks != graph.blocks else graph))


class _Settling:
    """Rewrites blocks, one after another. What nobody reads any more is left out."""

    def __init__(self, draft: Draft, highest: int) -> None:
        self.draft, self.highest = draft, highest
        marks = (n for t in draft.time_constants for n in (t.keep, t.total))
        self.readers = draft.uses + Counter(marks)
        self.ops: dict[str, Op] = {}
        """of the block, by their results"""
        self.moving: set[str] = set()

    def block(self, block: Block) -> Block:
        """Its sums settled."""
        self.moving = moving_values(block)
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
            sums = [o for o in others if isinstance(o, Add) and o.b in self.draft.constants and o.a == op.x]
            total = None if parts is None or len(sums) + 1 != self.readers[op.x] else self._sum(parts[1], halves)
            if parts is None or total is None:
                return
            x = self._like(op.x, half)
            self.ops[x] = Add(x, parts[0], total)
            del self.ops[op.x]
            for other in sums:
                less = self._constant(f"{other.b}.less", self.draft.constants[other.b] - half, other.b)
                self.ops[other.out] = Add(other.out, x, less)
        self.moving.add(x)
        self.ops[op.out] = Shift(op.out, x, self._constant("down", np.array([-op.shift]), op.x))

    def _sum(self, p: str, q: str) -> str | None:
        """The name of what stays the same, added up; None where it is more than a word holds."""
        (low, high), (least, most) = self._reach(p), self._reach(q)
        if max(-(low + least), high + most) > self.highest:
            return None
        constants = self.draft.constants
        if p in constants and q in constants:
            return self._constant(f"{p}+{q}", constants[p] + constants[q], p)
        value = q if p in constants else p
        new = self._value(f"{value}.settled", value, Format(self._fraction(value), low + least, high + most))
        self.ops[new] = Add(new, p, q)
        self.readers[new] += 1
        return new

    def _like(self, name: str, more: int) -> str:
        """A new value that is `name` and so much more."""
        form = self._format(name)
        new = self._value(f"{name}.half", name, replace(form, low=form.low + more, high=form.high + more))
        self.moving.add(new)
        self.readers[new] = self.readers[name]
        return new

    def _value(self, name: str, like: str, form: Format) -> str:
        new = self.draft.value(name, like, self.draft.size(like))
        self.draft.values[new] = replace(self.draft.values[new], format=form, represents=None)
        return new

    def _constant(self, name: str, array: np.ndarray, like: str) -> str:
        new = self.draft.fresh(name)
        self.draft.constants[new], self.draft.fractions[new] = array, self._fraction(like)
        return new

    def _fraction(self, name: str) -> int:
        return self.draft.fractions.get(name, 0) if name in self.draft.constants else self._format(name).fraction

    def _reach(self, name: str) -> tuple[int, int]:
        constant = self.draft.constants.get(name)
        if constant is not None:
            return int(constant.min()), int(constant.max())
        form = self._format(name)
        return form.low, form.high

    def _format(self, name: str) -> Format:
        form = self.draft.values[name].format
        assert form is not None  # an integer graph's values have one
        return form


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
