"""The integer ops where they meet real numbers, some of their losses lifted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph import ops
from compiler.graph.integers import IntegerGraph
from compiler.graph.op_table import OpTable
from compiler.interpreters import float64
from compiler.interpreters.execution import Frame, OpKernel, column
from compiler.interpreters.kernels import RELATIONS
from hw_models.arrays import Array, Floats


@dataclass(frozen=True, eq=False)
class Here:
    """Where a kernel stands."""

    graph: IntegerGraph
    constants: Mapping[tuple[str, str], Floats]
    """what is a constant without its rounding: of an op's result, by the constant's name"""
    wanted: ops.Op | None
    """the float op that this one is part of"""
    lifted: bool
    """whether nothing is rounded off the result"""
    unclipped: bool
    """whether nothing is clipped, where the reference clips"""
    saturates: bool
    """whether the reference can clip here"""
    integral: bool
    """whether the result is whole"""

    def getter(self, op: ops.Op, name: str) -> OpKernel:
        """How an operand is had."""
        own = self.constants.get((op.result or "", name))
        if own is None:
            return lambda frame: frame.values[name]
        constant = column(own)
        return lambda frame: constant

    def whole(self, kernel: OpKernel) -> OpKernel:
        """What is rounded, in integers; in real numbers where clipping is lifted, for 64 bits may not hold it."""
        return (lambda frame: kernel(frame).astype(np.int64)) if self.integral else kernel

    def clipped(self, op: ops.Op, kernel: Callable[[Frame], Array]) -> Callable[[Frame], Array]:
        """Clipped as the reference does it, unless that is lifted."""
        if self.unclipped:
            return kernel
        form = self.graph.format(op.result or "")
        return lambda frame: np.clip(kernel(frame), form.low, form.high)


REAL: OpTable[[Here], OpKernel] = OpTable("switched")
"""The kernel of each integer op where it meets real numbers."""


@REAL.on(ops.Compare)
def _compare(op: ops.Compare, here: Here) -> OpKernel:
    relation, a, b = RELATIONS[op.relation], here.getter(op, op.a), here.getter(op, op.b)
    return lambda frame: relation(a(frame), b(frame)).astype(np.int64)


@REAL.on(ops.Lossless, ops.Gather, ops.SegmentSum)
def _as_real(op: ops.Op, here: Here) -> OpKernel:
    """What it is in a float graph."""
    kernel = float64.KERNELS(op, here.graph)
    own = {n: here.getter(op, n) for n in op.operands}
    if not any((op.result, n) in here.constants for n in own):
        return kernel
    return lambda frame: kernel(Frame({n: get(frame) for n, get in own.items()}, frame.sample))


@REAL.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, here: Here) -> OpKernel:
    kernel, own = float64.KERNELS(op, here.graph), here.constants.get((op.out, op.matrix))
    matrix = here.graph.constants[op.matrix].astype(np.float64) if own is None else own
    return lambda frame: kernel(Frame({**{s: frame.values[s] for s in op.sources}, op.matrix: matrix}, frame.sample))


@REAL.on(ops.Input)
def _input(op: ops.Input, here: Here) -> OpKernel:
    if here.lifted:
        return here.clipped(op, lambda frame: frame.sample)
    return here.whole(here.clipped(op, lambda frame: np.floor(frame.sample + 0.5)))


@REAL.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, here: Here) -> OpKernel:
    a, b = here.getter(op, op.a), here.getter(op, op.b)
    scale = 2.0 ** -column(here.graph.constants[op.shift]).astype(np.float64)
    if here.lifted:
        return lambda frame: a(frame) * b(frame) * scale
    return here.whole(lambda frame: np.floor(a(frame) * b(frame) * scale))


@REAL.on(ops.Rescale)
def _rescale(op: ops.Rescale, here: Here) -> OpKernel:
    x, scale, lifted = here.getter(op, op.x), 2.0**-op.shift, here.lifted or op.shift == 0

    def scaled(frame: Frame) -> Array:
        result = x(frame) * scale
        return result if lifted else np.floor(result + 0.5)

    kernel = here.clipped(op, scaled) if here.saturates else scaled
    return kernel if lifted else here.whole(kernel)


@REAL.on(ops.Shift)
def _shift(op: ops.Shift, here: Here) -> OpKernel:
    """Right it floors: what it leaves over is a lower half's. Brought into its octave, a value is clipped."""
    x, amount = here.getter(op, op.x), here.getter(op, op.amount)

    def shifted(frame: Frame) -> Array:
        by = amount(frame)
        result = x(frame) * 2.0 ** by.astype(np.float64)
        return np.where(by < 0, np.floor(result), result)

    kernel = here.clipped(op, shifted) if isinstance(here.wanted, (ops.Div, ops.Apply)) else shifted
    return here.whole(kernel)


@REAL.on(ops.And)
def _and(op: ops.And, here: Here) -> OpKernel:
    """What is left of the floor that `Shift` makes."""
    a, b = here.getter(op, op.a), here.getter(op, op.b)

    def kernel(frame: Frame) -> Array:
        size = b(frame) + 1.0
        return (whole := a(frame)) - size * np.floor(whole / size)

    return kernel


@REAL.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, here: Here) -> OpKernel:
    x, graph = here.getter(op, op.x), here.graph
    knots, origins, coefficients, shifts = (graph.constants[name] for name in op.arrays)
    scales = 2.0 ** -shifts.astype(np.float64)

    def kernel(frame: Frame) -> Array:
        at = x(frame)
        k = np.searchsorted(knots, at, side="right")
        t = at - origins[k]
        y = coefficients[k, -1].astype(np.float64)
        for j in range(coefficients.shape[1] - 2, -1, -1):
            y = np.floor(y * t * scales[k, j]) + coefficients[k, j]
        return y

    return here.whole(kernel)
