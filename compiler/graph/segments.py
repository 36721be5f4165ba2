"""The elements of a segment sum in the order of what they are added to, as loops and `reduceat` want them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import SegmentSum
from hw_models.arrays import Integers
from hw_models.errors import GraphError


@dataclass(frozen=True)
class Segments:
    """Element `order[i]` for i from `starts[k]` on, up to the next start, is added to result `filled[k]`.

    Each element is there once, starts and results rise. Raises `GraphError` where that is not so.
    """

    order: Integers
    starts: Integers
    filled: Integers
    """the results that have any element; the others are 0"""

    def __post_init__(self) -> None:
        each, ends = np.arange(self.order.size), np.append(self.starts, self.order.size)
        whole = np.array_equal(np.sort(self.order), each) and ends[0] == 0 and self.starts.size == self.filled.size
        if not (whole and np.all(np.diff(ends) > 0) and np.all(np.diff(self.filled) > 0)):
            raise GraphError("the elements of a segment sum are not sorted by what they are added to")

    @property
    def in_order(self) -> bool:
        """Whether the elements lie in order as they are."""
        return bool(np.all(np.diff(self.order) == 1))


def segments_of(graph: Graph, op: SegmentSum) -> Segments:
    """The segments of `op`, sorted; elements of one result keep their order."""
    segment = graph.constants[op.segment].astype(np.int64)
    order = np.argsort(segment, kind="stable").astype(np.int64)
    filled, starts = np.unique(segment[order], return_index=True)
    return Segments(order, starts.astype(np.int64), filled)
