"""The integer graph on real numbers: the same program without rounding and saturation.

Values are in LSB. floor(x) becomes x - 1/2, the mean of what flooring does, because
the constants already hold the opposite half. What differs from the reference is rounding and saturation;
what differs from torch is structure, approximation and rounded parameters.
"""

from __future__ import annotations

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.interpreters import float64
from compiler.interpreters.execution import Frame, OpKernel
from hw_models.arrays import Array, Floats

KERNELS: OpTable[[Graph], OpKernel] = OpTable("unrounded", float64.KERNELS)
"""The kernel of each integer op."""
KERNELS.always(lambda frame: frame.sample, ops.Input)


def _floored(exact: Array, shift: Array) -> Floats:
    """What flooring `exact` / 2^shift gives on average."""
    return exact / 2.0**shift - 0.5 * (shift > 0)


@KERNELS.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, graph: Graph) -> OpKernel:
    return lambda frame: _floored(frame.values[op.a] * frame.values[op.b], frame.values[op.shift])


@KERNELS.on(ops.Shift)
def _shift(op: ops.Shift, graph: Graph) -> OpKernel:

    def kernel(frame: Frame) -> Array:
        amount = frame.values[op.amount]
        return frame.values[op.x] * 2.0**amount - 0.5 * (amount < 0)

    return kernel


@KERNELS.on(ops.Rescale)
def _rescale(op: ops.Rescale, graph: Graph) -> OpKernel:
    return lambda frame: frame.values[op.x] / 2.0**op.shift


@KERNELS.on(ops.And)
def _and(op: ops.And, graph: Graph) -> OpKernel:

    def kernel(frame: Frame) -> Array:
        # x & (2^k - 1) is x - 2^k * floor(x / 2^k); with floor's mean in place of floor, 2^(k-1) is left.
        a, mask = frame.values[op.a], frame.values[op.b]
        return np.zeros_like(a) + (mask + 1) / 2

    return kernel


@KERNELS.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, graph: Graph) -> OpKernel:
    knots, origins, coefficients, shifts = (graph.constants[name] for name in op.arrays)

    def kernel(frame: Frame) -> Array:
        x = frame.values[op.x]
        k = np.searchsorted(knots, x, side="right")
        t = x - origins[k]
        degree = coefficients.shape[1] - 1
        y = coefficients[k, degree].astype(np.float64)
        for j in range(degree - 1, -1, -1):
            y = _floored(y * t, shifts[k, j]) + coefficients[k, j]
        return y

    return kernel
