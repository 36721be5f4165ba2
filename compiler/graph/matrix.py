"""The matrix of a MatVec, whether it stands once or, as in a convolution, at many places."""

from __future__ import annotations

import numpy as np

from compiler.graph.builder import AnyGraph
from compiler.graph.graph import Graph
from compiler.graph.ops import MatVec
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


def product(matrix: Array, places: Integers | None, x: Array) -> Array:
    """`matrix @ x`, at each place.

    >>> product(np.array([[1, 10]]), np.array([[0, 1], [1, 2]]), np.array([5, 6]))
    array([65,  6])
    """
    return (matrix @ seen(places, x)).reshape(-1)


def coordinates(matrix: Array, places: Integers | None, columns: int) -> tuple[Integers, Integers, Array]:
    """Rows, columns and weights of all that is not 0 in the whole matrix, which has `columns` columns."""
    rows, entries = np.nonzero(matrix)
    if places is None:
        return rows, entries, matrix[rows, entries]
    at = places[:, entries]
    place, weight = np.nonzero(at < columns)
    return rows[weight] * len(places) + place, at[place, weight], matrix[rows[weight], entries[weight]]
