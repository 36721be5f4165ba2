"""What intervals do not see of a norm: |d / sqrt(c * sum(d^2) + eps)| is at most 1 / sqrt(c); nor of f / (f + i)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from hw_models.arrays import Floats, Integers


def largest_share(graph: Graph, op: ops.Div, made: Mapping[str, ops.Op]) -> Floats | None:
    """The largest magnitude of each element of a quotient by the root of a sum that holds its numerator's square.

    None where it is no such quotient. `made` has the op of each value.
    """
    below = _followed(AT_LEAST, graph, op.b, np.arange(graph.size(op.out)) % graph.size(op.b), made)
    root = made.get(below.name)
    if not isinstance(root, ops.Apply) or root.function != "sqrt":
        return None
    total = _followed(AT_LEAST, graph, root.x, below.at, made)
    square, share = made.get(total.name), total
    if isinstance(square, ops.SegmentSum):
        if not np.array_equal(graph.constants[square.segment], total.at):
            return None
        share = _followed(AT_LEAST, graph, square.x, np.arange(total.at.size), made)
        square, share = made.get(share.name), replace(share, factor=total.factor * share.factor)
    if not isinstance(square, ops.Mul):
        return None
    sides = [_followed(EQUAL, graph, n, share.at, made) for n in (square.a, square.b)]
    above = _followed(EQUAL, graph, op.a, np.arange(share.at.size), made)
    if any(not _same(side, above) for side in sides):
        return None
    within = sides[0].factor * sides[1].factor * share.factor
    if not np.all(within > 0.0):
        return None
    return np.abs(above.factor) / (below.factor * np.sqrt(within))


def share_of_sum(graph: Graph, op: ops.Div, made: Mapping[str, ops.Op]) -> tuple[ops.Add, Floats] | None:
    """The sum of two that a quotient divides one of them by, and how many times that share it is; None of another."""
    each = np.arange(graph.size(op.out))
    above, below = (_followed(EQUAL, graph, name, each % graph.size(name), made) for name in (op.a, op.b))
    total = made.get(below.name)
    if not isinstance(total, ops.Add) or above.name not in (total.a, total.b) or not np.array_equal(above.at, below.at):
        return None
    return total, above.factor / below.factor


def comes_from_root(graph: Graph, op: ops.Div) -> bool:
    """Whether the denominator is a root, at most scaled, shifted or limited by constants."""
    root = graph.makers.get(_followed(AT_LEAST, graph, op.b, np.zeros(1, np.int64), graph.makers).name)
    return isinstance(root, ops.Apply) and root.function == "sqrt"


def is_guarded(graph: Graph, op: ops.Div) -> bool:
    """Whether the denominator is kept above a constant by a limit, as by `clamp(min=eps)`, or is a root."""
    made = graph.makers.get(op.b)
    while isinstance(made, ops.Gather) and len(made.sources) == 1:
        made = graph.makers.get(made.sources[0])
    return (isinstance(made, ops.Max) and made.b in graph.constants) or comes_from_root(graph, op)


@dataclass(frozen=True)
class UnderRoots:
    """What roots are taken of."""

    sums: frozenset[str]
    """squares and their sums"""
    squared: frozenset[str]
    """what is squared"""

    @property
    def normed(self) -> frozenset[str]:
        """Both."""
        return self.sums | self.squared

    def margin(self, name: str | None, margin: float) -> float:
        """That of a value's range. A square, from 0 on, needs the square of it where its operand is around 0.

        >>> UnderRoots(frozenset({"sum"}), frozenset({"d"})).margin("sum", 2.0)
        7.0
        """
        return 2.0 * margin * margin - 1.0 if name in self.sums else margin


def under_roots(graph: Graph) -> UnderRoots:
    """The squares of which roots are taken, alone or summed up, and what is squared."""
    sums: set[str] = set()
    squared: set[str] = set()
    for _, op in reversed(list(graph.ops())):
        if isinstance(op, ops.Apply) and op.function == "sqrt":
            sums.add(op.x)
        elif op.result in sums:
            under = UNDER(op, graph)
            sums |= under.sums
            squared |= under.squared
    return UnderRoots(frozenset(sums), frozenset(squared))


UNDER: OpTable[[Graph], UnderRoots] = OpTable("under roots")
"""What is under a root, too, where an op's result is."""
UNDER.otherwise(UnderRoots(frozenset(), frozenset()))


@UNDER.on(ops.Add, ops.Sub, ops.Max, ops.SegmentSum, ops.Gather)
def _sum(op: ops.Op, graph: Graph) -> UnderRoots:
    return UnderRoots(frozenset(op.operands), frozenset())


@UNDER.on(ops.Mul)
def _product(op: ops.Mul, graph: Graph) -> UnderRoots:
    if op.b in graph.constants:
        return UnderRoots(frozenset({op.a}), frozenset())
    return UnderRoots(frozenset(), frozenset({op.a} & {op.b}))


@dataclass(frozen=True, eq=False)
class Multiple:
    """Elements of a value as factors times elements of the value `name`."""

    name: str
    factor: Floats
    at: Integers
    """which elements of it, one for each"""


Step: TypeAlias = OpTable[[Graph, Integers], Multiple | None]

EQUAL: Step = OpTable("multiples")
"""Of what elements of a result are multiples; None where they are none."""
EQUAL.otherwise(None)
AT_LEAST: Step = OpTable("multiples at least", EQUAL)
"""The same with a factor > 0 where they are as large or larger."""


@EQUAL.on(ops.Gather)
def _picked(op: ops.Gather, graph: Graph, at: Integers) -> Multiple | None:
    whole = len(op.sources) == 1
    return Multiple(op.sources[0], np.ones(1), graph.constants[op.index].astype(np.int64)[at]) if whole else None


@EQUAL.on(ops.Mul)
def _scaled(op: ops.Mul, graph: Graph, at: Integers) -> Multiple | None:
    return Multiple(op.a, _constants(op, graph, at), at) if op.b in graph.constants else None


@AT_LEAST.on(ops.Mul)
def _scaled_up(op: ops.Mul, graph: Graph, at: Integers) -> Multiple | None:
    found = _scaled(op, graph, at)
    return found if found is not None and np.all(found.factor > 0.0) else None


@AT_LEAST.on(ops.Add)
def _raised(op: ops.Add, graph: Graph, at: Integers) -> Multiple | None:
    above = op.b in graph.constants and np.all(_constants(op, graph, at) >= 0.0)
    return Multiple(op.a, np.ones(1), at) if above else None


AT_LEAST.on(ops.Max)(lambda op, graph, at: Multiple(op.a, np.ones(1), at) if op.b in graph.constants else None)


def _constants(op: ops.Mul | ops.Add, graph: Graph, at: Integers) -> Floats:
    return np.broadcast_to(graph.constants[op.b].astype(np.float64), (graph.size(op.out),))[at]


def _followed(step: Step, graph: Graph, name: str, at: Integers, made: Mapping[str, ops.Op]) -> Multiple:
    """What the elements `at` of a value are multiples of, as far back as `step` leads."""
    found = Multiple(name, np.ones(at.size), at)
    while (op := made.get(found.name)) is not None and (here := step(op, graph, found.at)) is not None:
        found = Multiple(here.name, found.factor * here.factor, here.at)
    return found


def _same(a: Multiple, b: Multiple) -> bool:
    """Whether both are multiples of the same elements."""
    return a.name == b.name and np.array_equal(a.at, b.at)
