"""Shifts by a number that a table of constants gives: each leaf of the table's tree knows the number, and shifts by it.

A quotient's octave is such a table. Without this its leaves only note their number, and what follows computes the
shifts and the bounds of the clips from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from compiler.assembly.mirrored import Mirrored
from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Add, Elementwise, PiecewisePolynomial, Shift, Sub


@dataclass(frozen=True)
class Stepped:
    """`shifts` by amounts that follow from the segment of `table`: `amounts[k]` are theirs in segment k."""

    table: PiecewisePolynomial
    shifts: tuple[Shift, ...]
    amounts: tuple[tuple[int, ...], ...]

    @property
    def results(self) -> tuple[str, ...]:
        """What it computes."""
        return tuple(shift.out for shift in self.shifts)


Part: TypeAlias = "Elementwise | Mirrored | Stepped"


def with_table_shifts(ops: Sequence[Elementwise | Mirrored], graph: IntegerGraph, alone: Collection[str]) -> list[Part]:
    """The ops, in an order that may be another one, a table and the shifts by its numbers as one.

    What it leaves out is in `alone`: only `ops` read it.
    """
    for op in ops:
        if isinstance(op, PiecewisePolynomial) and graph.constants[op.coefficients].shape[1] == 1:
            found = _around(op, ops, graph, alone)
            if found is not None:
                return found
    return list(ops)


def _around(
    table: PiecewisePolynomial, ops: Sequence[Elementwise | Mirrored], graph: IntegerGraph, alone: Collection[str]
) -> list[Part] | None:
    numbers = {table.out: [int(row[0]) for row in graph.constants[table.coefficients]]}
    after = {table.out}
    before: list[Part] = []
    rest: list[Elementwise | Mirrored] = []
    shifts: list[Shift] = []
    for op in ops:
        result = op.out if isinstance(op, Mirrored) else str(op.result)
        own = _numbers(op, numbers, graph)
        if op is table:
            continue
        if own is not None:
            numbers[result] = own
        elif isinstance(op, Shift) and op.amount in numbers and op.x not in after:
            shifts.append(op)
        elif after.isdisjoint(op.operands):
            before.append(op)
            continue
        else:
            rest.append(op)
        after.add(result)
    readers = Counter(n for op in rest for n in op.operands)
    if not shifts or any(n not in alone or readers[n] for n in numbers):
        return None
    amounts = zip(*(numbers[op.amount] for op in shifts), strict=True)
    return [*before, Stepped(table, tuple(shifts), tuple(amounts)), *rest]


def _numbers(op: Elementwise | Mirrored, known: dict[str, list[int]], graph: IntegerGraph) -> list[int] | None:
    """The integers of a sum of numbers that follow from the segment, and of constants that all elements share."""
    if not isinstance(op, (Add, Sub)) or known.keys().isdisjoint(op.operands):
        return None
    sides: list[list[int]] = []
    for name in (op.a, op.b):
        array = graph.constants.get(name)
        if name in known:
            sides.append(known[name])
        elif array is not None and array.min() == array.max():
            sides.append([int(array.flat[0])] * len(next(iter(known.values()))))
        else:
            return None
    sign = -1 if isinstance(op, Sub) else 1
    return [a + sign * b for a, b in zip(*sides, strict=True)]
