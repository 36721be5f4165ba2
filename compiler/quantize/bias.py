"""The mean error of integer values, in LSB, that flooring has caused so far: the next constant takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from hw_models.arrays import Floats


@dataclass(frozen=True)
class Errors:
    """The errors of the values so far; a constant has none."""

    graph: Graph
    of_values: Mapping[str, Floats]

    def of(self, name: str) -> Floats:
        """The mean error of a value or constant, per element or one for all."""
        return self.of_values.get(name, np.zeros(1))


BIAS: OpTable[[Errors], Floats] = OpTable("bias")
"""The mean error of each integer op's result."""


@BIAS.on(ops.Add, ops.Sub)
def _sum(op: ops.Add | ops.Sub, errors: Errors) -> Floats:
    return errors.of(op.a) + (errors.of(op.b) if isinstance(op, ops.Add) else -errors.of(op.b))


BIAS.on(ops.MulShift)(lambda op, errors: -0.5 * (errors.graph.constants[op.shift] > 0).astype(np.float64))
BIAS.on(ops.Rescale)(lambda op, errors: errors.of(op.x) / 2.0**op.shift)


@BIAS.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, errors: Errors) -> Floats:
    segment, size = errors.graph.constants[op.segment].astype(np.int64), errors.graph.size(op.out)
    each = np.broadcast_to(errors.of(op.x), segment.shape)
    return np.bincount(segment, weights=each, minlength=size).astype(np.float64)


@BIAS.on(ops.Input, ops.StateRead, ops.Gather, ops.MatVec, ops.Elementwise)
def _none(op: ops.Op, errors: Errors) -> Floats:
    """Ops whose errors are not accounted for."""
    return np.zeros(1)
