"""Each integer op as a node. Its function is that of docs/integer-semantics.md, written here once more."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from compiler.graph import ops
from compiler.graph.integers import IntegerGraph
from compiler.graph.op_table import OpTable
from compiler.onnx.functions import BODIES, columns, polynomial_name
from compiler.onnx.lowering import BOTH, NodeWriter, binary_node, mat_vec
from hw_models.arrays import Array

EXACT = 2**53
"""Sums below are exact in float64"""


IntegerWriter: TypeAlias = NodeWriter[IntegerGraph]

NODES: OpTable[[IntegerWriter], None] = OpTable("onnx", BOTH)
"""Writes the node of each integer op."""


BODIES |= {
    "And (a, b) => (out)": "out = BitwiseAnd(a, b)",
    "MulShift (a, b, power) => (out)": """
        product = Mul(a, b)
        mask = Neg(power)  masked = BitwiseAnd(product, mask)
        out = Div(masked, power)""",
    "Shift (x, amount, least, rights, lefts) => (out)": """
        row = Sub(amount, least)
        right = Gather(rights, row)  left = Gather(lefts, row)
        mask = Neg(right)  masked = BitwiseAnd(x, mask)
        shifted = Div(masked, right)
        out = Mul(shifted, left)""",
    "SaturatingShift (x, amount, least, rights, lefts, lows, highs) => (out, unclipped, clipped)": """
        row = Sub(amount, least)
        right = Gather(rights, row)  left = Gather(lefts, row)
        low = Gather(lows, row)  high = Gather(highs, row)
        mask = Neg(right)  masked = BitwiseAnd(x, mask)
        unclipped = Div(masked, right)
        raised = Max(unclipped, low)
        clipped = Min(raised, high)
        out = Mul(clipped, left)""",
    "FloorShift (x, power) => (out)": "mask = Neg(power)  masked = BitwiseAnd(x, mask)  out = Div(masked, power)",
    "Rescale (x, half, power) => (out)": """
        above = Add(x, half)
        mask = Neg(power)  masked = BitwiseAnd(above, mask)
        out = Div(masked, power)""",
    "SaturatingRescale (x, half, power, low, high) => (out, unclipped)": """
        above = Add(x, half)
        mask = Neg(power)  masked = BitwiseAnd(above, mask)
        unclipped = Div(masked, power)
        raised = Max(unclipped, low)
        out = Min(raised, high)""",
}

NODES.on(ops.And)(binary_node)


@NODES.on(ops.Input)
def _input(op: ops.Input, to: IntegerWriter) -> None:
    to.tensors[op.out] = to.sample


@NODES.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, to: IntegerWriter) -> None:
    weights = int(np.abs(to.array(op.matrix)).sum(axis=1).max(initial=0))
    most = max((to.spans[source].magnitude for source in op.sources), default=0)
    mat_vec(op, to, "MatVec" if weights * most < EXACT else "WideMatVec")


@NODES.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, to: IntegerWriter) -> None:
    to.call("MulShift", [to.read(op.a), to.read(op.b), power(to, op.shift, to.array(op.shift))], op.out)


@NODES.on(ops.Shift)
def _shift(op: ops.Shift, to: IntegerWriter) -> None:
    form, name, constant = to.graph.format(op.out), op.out, to.nodes.constant
    amount = to.spans[op.amount]
    amounts = range(amount.least, amount.most + 1)
    lefts = [min(max(a, 0), _word(to) - 2) for a in amounts]  # by more than that, nothing but 0 fits
    inputs = [
        to.read(op.x),
        to.read(op.amount),
        constant(f"{name}.least", [amount.least]),
        constant(f"{name}.rights", [2 ** max(-a, 0) for a in amounts]),
        constant(f"{name}.lefts", [2**left for left in lefts]),
    ]
    if op.out not in to.clips:
        to.call("Shift", inputs, op.out)
        return
    lows = constant(f"{name}.lows", [-(-form.low >> max(a, 0)) for a in amounts])
    highs = constant(f"{name}.highs", [form.high >> max(a, 0) for a in amounts])
    before, after = to.nodes.shared.name(f"{name}.unclipped"), to.nodes.shared.name(f"{name}.clipped")
    to.call("SaturatingShift", [*inputs, lows, highs], op.out, [before, after])
    to.clipped[op.out] = before, after


@NODES.on(ops.Rescale)
def _rescale(op: ops.Rescale, to: IntegerWriter) -> None:
    form, x, shift = to.graph.format(op.out), to.read(op.x), op.shift
    if shift > 1 and to.spans[op.x].most + 2 ** (shift - 1) >= 2 ** (_word(to) - 1):
        # the half does not fit beside x: floor(x / 2^s + 1/2) = floor(floor(x / 2^(s - 1)) / 2 + 1/2)
        high = to.nodes.shared.name(f"{op.out}.high")
        to.nodes.call("FloorShift", [x, power(to, str(shift - 1), np.array(shift - 1))], [high])
        x, shift = high, 1
    half = to.nodes.constant(f"half({shift})", [2**shift // 2])
    inputs = [x, half, power(to, str(shift), np.array([shift]))]
    if op.out not in to.clips:
        to.call("Rescale", inputs, op.out)
        return
    before = to.nodes.shared.name(f"{op.out}.unclipped")
    low, high = (to.nodes.constant(f"{op.out}.{end}", [getattr(form, end)]) for end in ("low", "high"))
    to.call("SaturatingRescale", [*inputs, low, high], op.out, [before])
    to.clipped[op.out] = before, to.tensors[op.out]


@NODES.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, to: IntegerWriter) -> None:
    knots, coefficients, shifts = (to.array(n) for n in (op.knots, op.coefficients, op.shifts))
    degree, constant, name = coefficients.shape[1] - 1, to.nodes.constant, op.out
    powers = np.left_shift(np.int64(1), shifts[:, ::-1].astype(np.int64))
    table = np.hstack([to.array(op.origins).reshape(-1, 1), coefficients[:, ::-1], powers, -powers])
    assert table.shape[1] == len(columns(degree))
    even, where = _where(knots, to.spans[op.x].most, _word(to))
    inputs = [constant(f"{name}.{part}", array) for part, array in where.items()]
    rows = to.nodes.table(f"{name}.table", table)
    to.call(polynomial_name(degree, even=even), [to.read(op.x), *inputs, rows], op.out)


def _where(knots: Array, most: int, word: int) -> tuple[bool, dict[str, Array]]:
    """How the segment of an x is found: by division where all are of one width, else by comparison with each knot."""
    widths = np.unique(np.diff(knots))
    if widths.size <= 1:
        width = int(widths[0]) if widths.size else 1
        start = int(knots[0]) - width if knots.size else 0
        if start >= -(2 ** (word - 1)) and most - start < 2 ** (word - 1):
            return True, {"start": np.array([start]), "width": np.array([width]), "most": np.array([knots.size])}
    return False, {"knots": knots}


def _word(to: IntegerWriter) -> int:
    """Bits of a word in which it computes."""
    return 8 * to.nodes.shared.dtype.itemsize


def power(to: IntegerWriter, name: str, shift: Array) -> str:
    """2^shift as a constant."""
    return to.nodes.constant(f"2^{name}", np.left_shift(np.int64(1), shift.astype(np.int64)))
