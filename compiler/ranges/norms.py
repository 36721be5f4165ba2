"""What intervals do not see of a norm: |d / sqrt(c * sum(d^2) + eps)| is at most 1 / sqrt(c)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Graph
from hw_models.arrays import Floats, Integers


def largest_share(graph: Graph, op: ops.Div, made: Mapping[str, ops.Op]) -> Floats | None:
    """The largest magnitude of each element of a quotient by the root of a sum that holds its numerator's square.

    None where it is no such quotient. `made` has the op of each value.
    """
    name, factor, at = _steps(graph, op.b, np.arange(graph.size(op.out)) % graph.size(op.b), made)
    root = made.get(name)
    if not isinstance(root, ops.Apply) or root.function != "sqrt":
        return None
    name, share, at = _steps(graph, root.x, at, made)
    total = made.get(name)
    if isinstance(total, ops.SegmentSum):
        if not np.array_equal(graph.constants[total.segment], at):
            return None
        name, each, at = _steps(graph, total.x, np.arange(at.size), made)
        share = share * each
    square = made.get(name)
    if not isinstance(square, ops.Mul):
        return None
    sides = [_multiple(graph, n, at, made) for n in (square.a, square.b)]
    above = _multiple(graph, op.a, np.arange(at.size), made)
    if any(not _same(side, above) for side in sides):
        return None
    within = sides[0][1] * sides[1][1] * share
    if not np.all(within > 0.0):
        return None
    return np.abs(above[1]) / (factor * np.sqrt(within))


def comes_from_root(graph: Graph, op: ops.Div) -> bool:
    """Whether the denominator is a root, at most scaled, shifted or limited by constants."""
    at = np.zeros(1, np.int64)
    root = graph.makers.get(_steps(graph, op.b, at, graph.makers)[0])
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
        elif op.result not in sums:
            continue
        elif isinstance(op, ops.Mul) and op.b not in graph.constants:
            squared.update({op.a} & {op.b})
        elif isinstance(op, (ops.Add, ops.Sub, ops.Max, ops.SegmentSum, ops.Gather, ops.Mul)):
            sums.update(op.operands)
    return UnderRoots(frozenset(sums), frozenset(squared))


def _steps(graph: Graph, name: str, at: Integers, made: Mapping[str, ops.Op]) -> tuple[str, Floats, Integers]:
    """x, a factor > 0 and places, of which the value's elements `at` are at least factor * x[places], for x >= 0."""
    factor = np.ones(at.size)
    while True:
        op = made.get(name)
        if isinstance(op, ops.Gather) and len(op.sources) == 1:
            at, name = graph.constants[op.index].astype(np.int64)[at], op.sources[0]
            continue
        if not isinstance(op, (ops.Add, ops.Max, ops.Mul)) or op.b not in graph.constants:
            return name, factor, at
        constant = np.broadcast_to(graph.constants[op.b].astype(np.float64), (graph.size(op.out),))[at]
        if isinstance(op, ops.Mul):
            factor = factor * constant
        if (isinstance(op, ops.Add) and np.any(constant < 0.0)) or np.any(factor <= 0.0):
            return name, factor * np.nan, at
        name = op.a


def _multiple(graph: Graph, name: str, at: Integers, made: Mapping[str, ops.Op]) -> tuple[str, Floats, Integers]:
    """x, factors and places where the value's elements `at` are factor * x[places]."""
    factor = np.ones(at.size)
    while True:
        op = made.get(name)
        if isinstance(op, ops.Gather) and len(op.sources) == 1:
            at, name = graph.constants[op.index].astype(np.int64)[at], op.sources[0]
        elif isinstance(op, ops.Mul) and op.b in graph.constants:
            constant = graph.constants[op.b].astype(np.float64)
            factor = factor * np.broadcast_to(constant, (graph.size(op.out),))[at]
            name = op.a
        else:
            return name, factor, at


def _same(a: tuple[str, Floats, Integers], b: tuple[str, Floats, Integers]) -> bool:
    """Whether both are multiples of the same elements."""
    return a[0] == b[0] and np.array_equal(a[2], b[2])
