"""The bit-accurate NumPy reference: `docs/integer-semantics.md`, executed.

Its arithmetic is `hw_models.fixed_point`; no other interpreter may use that module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph, as_integers
from compiler.graph.op_table import OpTable
from compiler.interpreters.execution import Execution, Frame, OpKernel, PreparedGraph, concatenated, prepare
from compiler.interpreters.kernels import BOTH, of_two
from hw_models.arrays import Array
from hw_models.fixed_point import AnyIntegers, floor_shift, mul_shift, round_shift, saturate, shift_saturate

TABLE_LIMIT = 2**20
"""A polynomial over a domain of at most this many integers is looked up: same integers, less work."""


def prepare_reference(graph: Graph, *, narrow: bool = False) -> PreparedGraph:
    """An integer graph, ready to run over quantized samples.

    `narrow` computes in 32 bits, where they hold all that is computed; the integers are the same.
    """
    dtype = np.int32 if narrow else np.int64
    graph = as_integers(graph)
    return prepare(replace(graph, constants={n: c.astype(dtype) for n, c in graph.constants.items()}), KERNELS)


def run_reference(
    graph: Graph,
    x: npt.ArrayLike,
    state: Mapping[str, Array] | None = None,
    record: Sequence[str] = (),
    *,
    narrow: bool = False,
) -> Execution:
    """Run an integer graph over quantized `x` (batch, time, features)."""
    return run_prepared(prepare_reference(graph, narrow=narrow), x, state, record)


def run_prepared(
    program: PreparedGraph, x: npt.ArrayLike, state: Mapping[str, Array] | None = None, record: Sequence[str] = ()
) -> Execution:
    """Run what `prepare_reference` made."""
    dtype = next((c.dtype for c in program.constants.values() if np.issubdtype(c.dtype, np.integer)), np.int64)
    start = None if state is None else {n: np.asarray(s).astype(dtype) for n, s in state.items()}
    return program.run(np.asarray(x).astype(dtype), start, record)


def _magnitude(graph: IntegerGraph, name: str) -> int:
    """The largest that a value or constant can be."""
    if name in graph.constants:
        return int(np.abs(graph.constants[name]).max(initial=0))
    return graph.format(name).magnitude


KERNELS: OpTable[[IntegerGraph], OpKernel] = OpTable("reference", BOTH)
"""The kernel of each integer op."""

KERNELS.on(ops.And)(of_two)


KERNELS.always(lambda frame: frame.sample, ops.Input)


@KERNELS.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, graph: IntegerGraph) -> OpKernel:
    # Integers below 2^53 are exact in float64, and there the BLAS is at home; 64-bit chips take the slow way.
    matrix = graph.constants[op.matrix]
    sources = max((_magnitude(graph, s) for s in op.sources), default=0)
    bound = int(np.abs(matrix).sum(axis=1).max(initial=0)) * sources
    exact = matrix if bound >= 2**53 else matrix.astype(np.float64)
    if op.places is None:
        return lambda frame: (exact @ concatenated(frame, op.sources)).astype(matrix.dtype)
    places = graph.constants[op.places]

    def kernel(frame: Frame) -> Array:
        x = concatenated(frame, op.sources)
        padded = np.concatenate([x, np.zeros_like(x[:1])])
        sums = np.tensordot(exact, np.take(padded, places, axis=0), axes=(1, 1))
        return sums.reshape(-1, x.shape[1]).astype(matrix.dtype)

    return kernel


@KERNELS.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, graph: IntegerGraph) -> OpKernel:
    return lambda frame: mul_shift(frame.values[op.a], frame.values[op.b], frame.values[op.shift])


@KERNELS.on(ops.Shift)
def _shift(op: ops.Shift, graph: IntegerGraph) -> OpKernel:
    out = graph.format(op.out)

    def kernel(frame: Frame) -> Array:
        result, saturated = shift_saturate(frame.values[op.x], frame.values[op.amount], out.low, out.high)
        frame.count(op.out, saturated)
        return result

    return kernel


@KERNELS.on(ops.Rescale)
def _rescale(op: ops.Rescale, graph: IntegerGraph) -> OpKernel:
    out = graph.format(op.out)

    def kernel(frame: Frame) -> Array:
        rounded = round_shift(frame.values[op.x], op.shift)
        result, saturated = saturate(rounded, out.low, out.high)
        if saturated:
            frame.count(op.out, saturated)
            frame.clip(op.out, rounded, result)
        return result

    return kernel


def evaluate_polynomial(graph: IntegerGraph, op: ops.PiecewisePolynomial, x: AnyIntegers) -> AnyIntegers:
    """The piecewise polynomial `op` at the integers `x`."""
    knots, origins, coefficients, shifts = (graph.constants[name] for name in op.arrays)
    k = np.searchsorted(knots, x, side="right")
    t = x - origins[k]
    degree = coefficients.shape[1] - 1
    y = coefficients[k, degree]
    for j in range(degree - 1, -1, -1):
        y = floor_shift(y * t, shifts[k, j]) + coefficients[k, j]
    return y.astype(x.dtype)


@KERNELS.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, graph: IntegerGraph) -> OpKernel:
    domain = graph.format(op.x)
    if domain.high - domain.low >= TABLE_LIMIT:
        return lambda frame: evaluate_polynomial(graph, op, frame.values[op.x])
    dtype = graph.constants[op.coefficients].dtype
    table = evaluate_polynomial(graph, op, np.arange(domain.low, domain.high + 1, dtype=dtype))
    return lambda frame: np.take(table, frame.values[op.x] - domain.low)
