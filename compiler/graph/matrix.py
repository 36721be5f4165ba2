"""The matrices of linear ops; that of a MatVec may stand once or, as in a convolution, at many places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.graph.builder import AnyGraph
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Gather, Linear, MatVec, SegmentSum
from hw_models.arrays import Array, Integers


def places_of(graph: AnyGraph, op: MatVec) -> Integers | None:
    """The places of a convolution (places, columns), None for a plain matrix."""
    return None if op.places is None else np.asarray(graph.constants[op.places], np.int64)


def column_sizes(graph: Graph, op: MatVec) -> list[int]:
    """How many of the matrix's columns belong to each source."""
    if op.places is not None:
        return [graph.constants[op.matrix].shape[1]]
    return [graph.size(s) for s in op.sources]


def seen(places: Integers | None, x: Array) -> Array:
    """What a matrix meets of the vector `x`: (columns,), or at each place, (columns, places).

    >>> seen(np.array([[0, 1], [1, 2]]), np.array([5, 6]))
    array([[5, 6],
           [6, 0]])
    """
    return x if places is None else np.append(x, np.zeros(1, x.dtype))[places.T]


def matrix_product(matrix: Array, places: Integers | None, x: Array) -> Array:
    """`matrix @ x`, at each place.

    >>> matrix_product(np.array([[1, 10]]), np.array([[0, 1], [1, 2]]), np.array([5, 6]))
    array([65,  6])
    """
    return (matrix @ seen(places, x)).reshape(-1)


@dataclass(frozen=True, eq=False)
class Coordinates:
    """What is not 0 in a matrix of `shape` (targets, sources), by coordinates; none of them twice."""

    shape: tuple[int, int]
    rows: Integers
    columns: Integers
    weights: Array


COORDINATES: OpTable[[AnyGraph], Coordinates] = OpTable("coordinates")
"""The whole matrix of a linear op, over the concatenation of its sources."""


@COORDINATES.on(Gather)
def _picked(op: Gather, graph: AnyGraph) -> Coordinates:
    index = np.asarray(graph.constants[op.index], np.int64)
    return Coordinates(_shape(op, graph), np.arange(index.size), index, np.ones(index.size, np.int64))


@COORDINATES.on(SegmentSum)
def _summed(op: SegmentSum, graph: AnyGraph) -> Coordinates:
    segment = np.asarray(graph.constants[op.segment], np.int64)
    return Coordinates(_shape(op, graph), segment, np.arange(segment.size), np.ones(segment.size, np.int64))


@COORDINATES.on(MatVec)
def _weighted(op: MatVec, graph: AnyGraph) -> Coordinates:
    matrix, places, shape = graph.constants[op.matrix], places_of(graph, op), _shape(op, graph)
    rows, entries = np.nonzero(matrix)
    if places is None:
        return Coordinates(shape, rows, entries, matrix[rows, entries])
    at = places[:, entries]
    place, weight = np.nonzero(at < shape[1])
    return Coordinates(
        shape, rows[weight] * len(places) + place, at[place, weight], matrix[rows[weight], entries[weight]]
    )


def _shape(op: Linear, graph: AnyGraph) -> tuple[int, int]:
    return graph.size(op.result or ""), sum(graph.size(name) for name in op.operands)
