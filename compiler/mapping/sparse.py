"""Sparse integer matrices of linear maps: from ops, composed, exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.matrix import COORDINATES
from compiler.graph.ops import Linear
from hw_models.arrays import Integers


@dataclass(frozen=True)
class Sparse:
    """A matrix (targets, sources) by coordinates; no coordinate twice, no weight 0."""

    shape: tuple[int, int]
    rows: Integers
    columns: Integers
    weights: Integers

    @property
    def highest_weight(self) -> int:
        """The largest magnitude of a weight."""
        return int(np.abs(self.weights).max(initial=0))

    def row_sums(self) -> Integers:
        """The sum of magnitudes in each row: what a source of magnitude 1 can reach at most."""
        return np.bincount(self.rows, np.abs(self.weights), self.shape[0]).astype(np.int64)

    def after(self, inner: Sparse) -> Sparse:
        """self @ inner, the map that takes `inner` first."""
        order = np.argsort(inner.rows, kind="stable")
        counts = np.bincount(inner.rows, minlength=inner.shape[0])
        starts = np.cumsum(counts) - counts
        repeats = counts[self.columns]
        mine = np.repeat(np.arange(self.columns.size), repeats)
        within = np.arange(mine.size) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        theirs = order[starts[self.columns[mine]] + within]
        weights = self.weights[mine] * inner.weights[theirs]
        return summed((self.shape[0], inner.shape[1]), self.rows[mine], inner.columns[theirs], weights)

    def plus(self, other: Sparse) -> Sparse:
        """self + other."""
        return summed(
            self.shape,
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.columns, other.columns]),
            np.concatenate([self.weights, other.weights]),
        )

    def part(self, own: slice) -> Sparse:
        """Some of its columns."""
        keep, shape = (self.columns >= own.start) & (self.columns < own.stop), (self.shape[0], own.stop - own.start)
        return Sparse(shape, self.rows[keep], self.columns[keep] - own.start, self.weights[keep])

    def of_constant(self, constant: Integers) -> Integers:
        """self @ constant."""
        totals = np.zeros(self.shape[0], np.int64)
        np.add.at(totals, self.rows, self.weights * np.ravel(constant)[self.columns])
        return totals

    def of_sign(self, sign: int) -> Sparse:
        """The weights of one sign."""
        keep = np.sign(self.weights) == sign
        return Sparse(self.shape, self.rows[keep], self.columns[keep], self.weights[keep])


def identity(size: int) -> Sparse:
    """Each target its own source, with weight 1."""
    index = np.arange(size, dtype=np.int64)
    return Sparse((size, size), index, index, np.ones(size, np.int64))


def summed(shape: tuple[int, int], rows: Integers, columns: Integers, weights: Integers) -> Sparse:
    """A matrix of coordinates that may occur more than once: their weights add up.

    >>> summed((1, 2), np.array([0, 0]), np.array([1, 1]), np.array([3, 4])).weights
    array([7])
    """
    flat, inverse = np.unique(rows * shape[1] + columns, return_inverse=True)
    totals = np.zeros(flat.size, np.int64)
    np.add.at(totals, inverse, weights)
    flat, totals = flat[totals != 0], totals[totals != 0]
    return Sparse(shape, flat // max(shape[1], 1), flat % max(shape[1], 1), totals)


def matrix_of(graph: Graph, op: Linear) -> Sparse:
    """The matrix of one linear op over the concatenation of its sources."""
    entries = COORDINATES(op, graph)
    return Sparse(entries.shape, entries.rows, entries.columns, np.asarray(entries.weights, np.int64))
