"""Which elements of each value of a float graph are always zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.functions import FUNCTIONS
from compiler.graph import ops
from compiler.graph.draft import integers, reals
from compiler.graph.graph import Graph
from compiler.graph.matrix import matrix_product, places_of
from compiler.graph.op_table import OpTable

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Zeros:
    """The masks of the values so far."""

    graph: Graph
    masks: dict[str, Mask] = field(default_factory=dict)

    def of(self, name: str, size: int | None = None) -> Mask:
        """Of a value or constant; a constant for all has as many elements as are asked for."""
        if name in self.masks:
            return self.masks[name]
        return np.broadcast_to(self.graph.constants[name] == 0.0, (self.graph.size(name) if size is None else size,))

    def joined(self, op: ops.Gather | ops.MatVec) -> Mask:
        """Of the concatenation of its sources."""
        return np.concatenate([self.of(s) for s in op.sources])


def find_zeros(graph: Graph) -> Zeros:
    """For each value the elements that are always zero."""
    zeros = Zeros(graph)
    for _, op in graph.ops():
        if op.result is not None:
            zeros.masks[op.result] = ZERO(op, zeros, graph.size(op.result))
    return zeros


ZERO: OpTable[[Zeros, int], Mask] = OpTable("zeros")
"""The mask of each op's result, of this many elements."""
ZERO.on(ops.Input, ops.StateRead, ops.Elementwise)(lambda op, zeros, size: np.zeros(size, bool))
ZERO.on(ops.Mul)(lambda op, zeros, size: zeros.of(op.a, size) | zeros.of(op.b, size))


@ZERO.on(ops.Add, ops.Sub, ops.Min, ops.Max, ops.Select)
def _both(op: ops.Add | ops.Sub | ops.Min | ops.Max | ops.Select, zeros: Zeros, size: int) -> Mask:
    return zeros.of(op.a, size) & zeros.of(op.b, size)


@ZERO.on(ops.Apply)
def _function(op: ops.Apply, zeros: Zeros, size: int) -> Mask:
    through_zero = FUNCTIONS[op.function].real(np.zeros(1))[0] == 0.0
    return zeros.of(op.x, size) if through_zero else np.zeros(size, bool)


ZERO.on(ops.Gather)(lambda op, zeros, size: zeros.joined(op)[integers(zeros.graph, op.index)])


@ZERO.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, zeros: Zeros, size: int) -> Mask:
    found = np.ones(size, bool)
    found[integers(zeros.graph, op.segment)[~zeros.of(op.x)]] = False
    return found


@ZERO.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, zeros: Zeros, size: int) -> Mask:
    graph = zeros.graph
    weights, moving = (reals(graph, op.matrix) != 0.0).astype(np.float64), ~zeros.joined(op)
    return matrix_product(weights, places_of(graph, op), moving.astype(np.float64)) == 0.0
