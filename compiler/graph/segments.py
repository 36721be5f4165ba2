"""The elements of a segment sum in the order of what they are added to, as loops and `reduceat` want them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import SegmentSum
from hw_models.arrays import Integers


@dataclass(frozen=True)
class Segments:
    """Element `order[i]` for i from `starts[k]` on, up to the next start, is added to result `filled[k]`."""

    order: Integers
    starts: Integers
    filled: Integers
    """the results that have any element; the others are 0"""

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
