"""Linear maps by their entries: what a float graph has as matrices, kernels at places, choices and sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.matrix import COORDINATES
from compiler.graph.ops import Linear
from hw_models.arrays import Floats, Integers
from hw_models.errors import InputError

MOST = 10**8
"""elements of a matrix that is written out"""


@dataclass(frozen=True, eq=False)
class Map:
    """y[rows] += values * x[columns], for vectors of `shape` (size of y, size of x)."""

    rows: Integers
    columns: Integers
    values: Floats
    shape: tuple[int, int]

    def scaled(self, left: Floats, right: Floats) -> Map:
        """The map between vectors that are multiplied by numbers."""
        values = self.values * np.broadcast_to(left, self.shape[:1])[self.rows]
        return self._where(values * np.broadcast_to(right, self.shape[1:])[self.columns])

    def part(self, own: slice) -> Map:
        """What it makes of some of the elements."""
        here, shape = (self.columns >= own.start) & (self.columns < own.stop), (self.shape[0], own.stop - own.start)
        return Map(self.rows[here], self.columns[here] - own.start, self.values[here], shape)

    def of_chosen(self, index: Integers, size: int) -> Map:
        """The map of a vector of this size from which elements are chosen."""
        return Map(self.rows, index[self.columns], self.values, (self.shape[0], size))

    def __call__(self, x: Floats) -> Floats:
        """What it makes of a vector."""
        return np.bincount(self.rows, self.values * x[self.columns], self.shape[0]).astype(np.float64, copy=False)

    def matrix(self) -> Floats:
        """All of it. Raises `InputError` where that is too large."""
        if self.shape[0] * self.shape[1] > MOST:
            raise InputError(
                "a linear map is too large to be written as a matrix",
                numbers=f"{self.shape[0]} x {self.shape[1]}, {MOST} elements at most",
                advice="NIR has convolutions where samples have the shape of images, (channels, height, width).",
            )
        full = np.zeros(self.shape)
        np.add.at(full, (self.rows, self.columns), self.values)
        return full

    def _where(self, values: Floats) -> Map:
        there = values != 0
        return Map(self.rows[there], self.columns[there], values[there], self.shape)


def map_of(op: Linear, graph: Graph) -> Map:
    """A linear op as a map from the concatenation of its sources."""
    entries = COORDINATES(op, graph)
    return Map(entries.rows, entries.columns, np.asarray(entries.weights, np.float64), entries.shape)
