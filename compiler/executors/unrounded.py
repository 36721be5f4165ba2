"""The integer graph on real numbers: the same program without rounding and saturation.

Values are in LSB. floor(x) becomes x - 1/2, the mean of what flooring does, because
the constants already hold the opposite half. What differs from the reference is rounding and saturation;
what differs from torch is structure, approximation and rounded parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from compiler.executors import float64
from compiler.executors.execution import Array, Execution, Factory, Frame, Kernel, prepare
from compiler.graph.graph import Graph
from compiler.graph.ops import (
    And,
    Divide,
    Input,
    MulShift,
    Op,
    PiecewisePolynomial,
    Rescale,
    Shift,
)

Floats = npt.NDArray[np.float64]


def run_floating(
    graph: Graph, x: npt.ArrayLike, state: Mapping[str, Array] | None = None, record: Sequence[str] = ()
) -> Execution:
    """Run an integer graph over `x` (batch, time, features) in LSB of the input, unrounded."""
    return prepare(graph, KERNELS).run(np.asarray(x, np.float64), state, record)


def _input(graph: Graph, op: Op) -> Kernel:
    return lambda frame: frame.sample


def _floored(exact: Array, shift: Array) -> Floats:
    """What flooring `exact` / 2^shift gives on average."""
    return exact / 2.0**shift - 0.5 * (shift > 0)


def _mul_shift(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, MulShift)
    return lambda frame: _floored(frame.values[op.a] * frame.values[op.b], frame.values[op.shift])


def _shift(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, Shift)

    def kernel(frame: Frame) -> Array:
        amount = frame.values[op.amount]
        return frame.values[op.x] * 2.0**amount - 0.5 * (amount < 0)

    return kernel


def _rescale(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, Rescale)
    return lambda frame: frame.values[op.x] / 2.0**op.shift


def _and(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, And)

    def kernel(frame: Frame) -> Array:
        # x & (2^k - 1) is x - 2^k * floor(x / 2^k); with floor's mean in place of floor, 2^(k-1) is left.
        a, mask = frame.values[op.a], frame.values[op.b]
        return np.zeros_like(a) + (mask + 1) / 2

    return kernel


def _divide(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, Divide)
    return lambda frame: frame.values[op.a] * 2.0**op.shift / frame.values[op.b] - 0.5


def _polynomial(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, PiecewisePolynomial)
    knots, origins = graph.constants[op.knots], graph.constants[op.origins]
    coefficients, shifts = graph.constants[op.coefficients], graph.constants[op.shifts]

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


KERNELS: dict[type[Op], Factory] = {
    **float64.KERNELS,
    Input: _input,
    MulShift: _mul_shift,
    Shift: _shift,
    Rescale: _rescale,
    And: _and,
    Divide: _divide,
    PiecewisePolynomial: _polynomial,
}
