"""Interval arithmetic, element by element, written once: for real numbers and for integers.

Each function takes what has a `low` and a `high`, and returns the two ends of the result in the operands' own type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np

from compiler.graph.graph import Array, Graph
from compiler.graph.matrix import places_of, product
from compiler.graph.ops import Add, Gather, MatVec, Max, Min, SegmentSum, Sub

Ends: TypeAlias = tuple[Array, Array]


class Bounded(Protocol):
    """An interval per element, or one for all."""

    @property
    def low(self) -> Array:
        """The lower ends."""
        ...

    @property
    def high(self) -> Array:
        """The upper ends."""
        ...


def of_two(op: Add | Sub | Min | Max, a: Bounded, b: Bounded) -> Ends:
    """What a sum, a difference, the smaller or the larger of two can be."""
    match op:
        case Add():
            return a.low + b.low, a.high + b.high
        case Sub():
            return a.low - b.high, a.high - b.low
        case Min():
            return np.minimum(a.low, b.low), np.minimum(a.high, b.high)
        case Max():
            return np.maximum(a.low, b.low), np.maximum(a.high, b.high)


def of_either(a: Bounded, b: Bounded) -> Ends:
    """What one of two can be."""
    return np.minimum(a.low, b.low), np.maximum(a.high, b.high)


def of_corners(a: Bounded, b: Bounded, function: Callable[[Array, Array], Array]) -> Ends:
    """What a `function` can be that is monotonic in each of its arguments: its extremes lie in the corners."""
    ends = np.broadcast_arrays(*(function(x, y) for x in (a.low, a.high) for y in (b.low, b.high)))
    return np.minimum.reduce(ends), np.maximum.reduce(ends)


def of_gather(op: Gather, graph: Graph, known: Mapping[str, Bounded]) -> Ends:
    """What the elements picked can be."""
    low, high = of_all(op.sources, graph, known)
    index = graph.constants[op.index].astype(np.int64)
    return low[index], high[index]


def of_segment_sum(op: SegmentSum, graph: Graph, known: Mapping[str, Bounded]) -> Ends:
    """What the sums can be."""
    low, high = of_all([op.x], graph, known)
    return summed(op, graph, low), summed(op, graph, high)


def of_mat_vec(op: MatVec, graph: Graph, known: Mapping[str, Bounded]) -> Ends:
    """What the products with a matrix, of floats or of 64-bit integers, can be."""
    low, high = of_all(op.sources, graph, known)
    matrix, at = _matrix(op, graph, low), places_of(graph, op)
    positive, negative = np.maximum(matrix, 0), np.minimum(matrix, 0)
    return (
        product(positive, at, low) + product(negative, at, high),
        product(positive, at, high) + product(negative, at, low),
    )


def of_all(sources: Sequence[str], graph: Graph, known: Mapping[str, Bounded]) -> Ends:
    """What the elements of the concatenation of `sources` can be, one by one."""
    sizes = [(graph.size(s),) for s in sources]
    parts = [known[s] for s in sources]
    return (
        np.concatenate([np.broadcast_to(p.low, n) for p, n in zip(parts, sizes, strict=True)]),
        np.concatenate([np.broadcast_to(p.high, n) for p, n in zip(parts, sizes, strict=True)]),
    )


def largest_partial_sums(op: SegmentSum | MatVec, graph: Graph, known: Mapping[str, Bounded]) -> Array:
    """Of each element of a sum: no partial one, in any order, has a larger magnitude."""
    low, high = of_all([op.x] if isinstance(op, SegmentSum) else op.sources, graph, known)
    reach = np.maximum(np.abs(low), np.abs(high))
    if isinstance(op, SegmentSum):
        return summed(op, graph, reach)
    return product(np.abs(_matrix(op, graph, reach)), places_of(graph, op), reach)


def summed(op: SegmentSum, graph: Graph, elements: Array) -> Array:
    """The sums of `elements`."""
    total = np.zeros(graph.size(op.out), np.result_type(elements, np.int64))
    np.add.at(total, graph.constants[op.segment].astype(np.int64), elements)
    return total


def _matrix(op: MatVec, graph: Graph, like: Array) -> Array:
    matrix = graph.constants[op.matrix]
    return matrix.astype(np.result_type(matrix, like))
