"""Interval arithmetic, element by element, written once: for real numbers and for integers.

Each function takes what has a `low` and a `high`, and returns the two ends of the result in the operands' own type.
Integers and real numbers have tables of their own, where more is known of some ops than the ends of their operands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np

from compiler.graph.builder import AnyGraph
from compiler.graph.matrix import matrix_product, places_of
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Add, Compare, Gather, MatVec, Max, Min, Mul, SegmentSum, Select, Sub
from hw_models.arrays import Array

LowHigh: TypeAlias = tuple[Array, Array]


class AnyInterval(Protocol):
    """An interval per element, or one for all."""

    @property
    def low(self) -> Array:
        """The lower ends."""
        ...

    @property
    def high(self) -> Array:
        """The upper ends."""
        ...


def of_corners(a: AnyInterval, b: AnyInterval, function: Callable[[Array, Array], Array]) -> LowHigh:
    """What a `function` can be that is monotonic in each of its arguments: its extremes lie in the corners."""
    ends = np.broadcast_arrays(*(function(x, y) for x in (a.low, a.high) for y in (b.low, b.high)))
    return np.minimum.reduce(ends), np.maximum.reduce(ends)


ENDS: OpTable[[AnyGraph, Mapping[str, AnyInterval]], LowHigh] = OpTable("interval arithmetic")
"""What an op makes of what is known of its operands."""


@ENDS.on(Add)
def _sum(op: Add, graph: AnyGraph, known: Mapping[str, AnyInterval]) -> LowHigh:
    a, b = known[op.a], known[op.b]
    return a.low + b.low, a.high + b.high


@ENDS.on(Sub)
def _difference(op: Sub, graph: AnyGraph, known: Mapping[str, AnyInterval]) -> LowHigh:
    a, b = known[op.a], known[op.b]
    return a.low - b.high, a.high - b.low


@ENDS.on(Min, Max)
def _limited(op: Min | Max, graph: AnyGraph, known: Mapping[str, AnyInterval]) -> LowHigh:
    a, b, limit = known[op.a], known[op.b], np.minimum if isinstance(op, Min) else np.maximum
    return limit(a.low, b.low), limit(a.high, b.high)


ENDS.on(Mul)(lambda op, graph, known: of_corners(known[op.a], known[op.b], np.multiply))
ENDS.on(Compare)(lambda op, graph, known: (np.zeros(1), np.ones(1)))


@ENDS.on(Select)
def _either(op: Select, graph: AnyGraph, known: Mapping[str, AnyInterval]) -> LowHigh:
    a, b = known[op.a], known[op.b]
    return np.minimum(a.low, b.low), np.maximum(a.high, b.high)


@ENDS.on(Gather)
def _picked(op: Gather, graph: AnyGraph, known: Mapping[str, AnyInterval]) -> LowHigh:
    low, high = of_all(op.sources, graph, known)
    index = graph.constants[op.index].astype(np.int64)
    return low[index], high[index]


@ENDS.on(SegmentSum)
def _segment_sums(op: SegmentSum, graph: AnyGraph, known: Mapping[str, AnyInterval]) -> LowHigh:
    low, high = of_all([op.x], graph, known)
    return summed(op, graph, low), summed(op, graph, high)


@ENDS.on(MatVec)
def _row_sums(op: MatVec, graph: AnyGraph, known: Mapping[str, AnyInterval]) -> LowHigh:
    """A matrix of floats, or of 64-bit integers."""
    low, high = of_all(op.sources, graph, known)
    matrix, at = _matrix(op, graph, low), places_of(graph, op)
    positive, negative = np.maximum(matrix, 0), np.minimum(matrix, 0)
    return (
        matrix_product(positive, at, low) + matrix_product(negative, at, high),
        matrix_product(positive, at, high) + matrix_product(negative, at, low),
    )


def of_all(sources: Sequence[str], graph: AnyGraph, known: Mapping[str, AnyInterval]) -> LowHigh:
    """What the elements of the concatenation of `sources` can be, one by one."""
    sizes = [(graph.size(s),) for s in sources]
    parts = [known[s] for s in sources]
    return (
        np.concatenate([np.broadcast_to(p.low, n) for p, n in zip(parts, sizes, strict=True)]),
        np.concatenate([np.broadcast_to(p.high, n) for p, n in zip(parts, sizes, strict=True)]),
    )


def largest_partial_sums(op: SegmentSum | MatVec, graph: AnyGraph, known: Mapping[str, AnyInterval]) -> Array:
    """Of each element of a sum: no partial one, in any order, has a larger magnitude."""
    low, high = of_all([op.x] if isinstance(op, SegmentSum) else op.sources, graph, known)
    if isinstance(op, SegmentSum):
        return summed(op, graph, np.maximum(np.abs(low), np.abs(high)))
    return largest_row_sums(_matrix(op, graph, low), places_of(graph, op), low, high)


def largest_row_sums(matrix: Array, places: Array | None, low: Array, high: Array) -> Array:
    """Of each row: no sum of any of its terms has a larger magnitude, of messages that are each within low and high.

    >>> largest_row_sums(np.array([[2, -3]]), None, np.array([0, 0]), np.array([1, 1]))
    array([3])
    """
    up, down, most, least = np.maximum(matrix, 0), np.maximum(-matrix, 0), np.maximum(high, 0), np.maximum(-low, 0)
    above = matrix_product(up, places, most) + matrix_product(down, places, least)
    return np.maximum(above, matrix_product(up, places, least) + matrix_product(down, places, most))


def summed(op: SegmentSum, graph: AnyGraph, elements: Array) -> Array:
    """The sums of `elements`."""
    total = np.zeros(graph.size(op.out), np.result_type(elements, np.int64))
    np.add.at(total, graph.constants[op.segment].astype(np.int64), elements)
    return total


def _matrix(op: MatVec, graph: AnyGraph, like: Array) -> Array:
    matrix = graph.constants[op.matrix]
    return matrix.astype(np.result_type(matrix, like))
