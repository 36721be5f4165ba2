"""The mean error of integer values, in LSB, that flooring has caused so far: the next constant takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import (
    Add,
    And,
    Compare,
    Divide,
    Gather,
    Input,
    MatVec,
    Max,
    Min,
    MulShift,
    PiecewisePolynomial,
    Rescale,
    SegmentSum,
    Select,
    Shift,
    StateRead,
    Sub,
)

Floats = npt.NDArray[np.float64]


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


@BIAS.on(Add, Sub)
def _sum(op: Add | Sub, errors: Errors) -> Floats:
    return errors.of(op.a) + (errors.of(op.b) if isinstance(op, Add) else -errors.of(op.b))


@BIAS.on(MulShift)
def _mul_shift(op: MulShift, errors: Errors) -> Floats:
    return -0.5 * (errors.graph.constants[op.shift] > 0).astype(np.float64)


@BIAS.on(Rescale)
def _rescale(op: Rescale, errors: Errors) -> Floats:
    return errors.of(op.x) / 2.0**op.shift


@BIAS.on(SegmentSum)
def _segment_sum(op: SegmentSum, errors: Errors) -> Floats:
    segment, size = errors.graph.constants[op.segment].astype(np.int64), errors.graph.size(op.out)
    each = np.broadcast_to(errors.of(op.x), segment.shape)
    return np.bincount(segment, weights=each, minlength=size).astype(np.float64)


@BIAS.on(
    *(Input, StateRead, Gather, MatVec, Min, Max, Compare, Select),
    *(Shift, And, Divide, PiecewisePolynomial),
)
def _none(op: object, errors: Errors) -> Floats:
    """Of these no error is kept account of."""
    return np.zeros(1)
