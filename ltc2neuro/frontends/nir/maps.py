"""Linear maps by their entries: what a float graph has as matrices, kernels at places, choices and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Array
from compiler.graph.ops import Gather, Linear, MatVec, SegmentSum
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

    def part(self, start: int, size: int) -> Map:
        """What it makes of some of the elements."""
        here = (self.columns >= start) & (self.columns < start + size)
        return Map(self.rows[here], self.columns[here] - start, self.values[here], (self.shape[0], size))

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


def map_of(op: Linear, constants: Mapping[str, Array], size: int, width: int) -> tuple[Map, Sequence[str]]:
    """A linear op as a map from its sources, which are `width` elements together, and the sources."""
    if isinstance(op, Gather):
        index = constants[op.index]
        return Map(np.arange(size), index, np.ones(size), (size, width)), op.sources
    if isinstance(op, SegmentSum):
        return Map(constants[op.segment], np.arange(width), np.ones(width), (size, width)), (op.x,)
    assert isinstance(op, MatVec)
    matrix = np.asarray(constants[op.matrix], np.float64)
    if op.places is None:
        rows, columns = np.nonzero(matrix)
        return Map(rows, columns, matrix[rows, columns], (size, width)), op.sources
    places = constants[op.places]
    place, entry = np.nonzero(places < width)
    kernel, number = np.divmod(np.arange(len(matrix) * place.size), place.size)
    rows, columns = kernel * len(places) + place[number], places[place, entry][number]
    return Map(rows, columns, matrix[kernel, entry[number]], (size, width)), op.sources
