"""What each elementwise op is in machine words: docs/integer-semantics.md, written here once more."""

from __future__ import annotations

import numpy as np

from compiler.graph import ops
from compiler.graph.op_table import OpTable
from compiler.native.llvm_text import Code
from compiler.native.lookup import FEW_KNOTS, lookup, segment, shift_right, stepwise
from compiler.native.operands import Element, count

ELEMENTS: OpTable[[Element], str] = OpTable("native")
"""Writes one element of an op, and returns its register."""

INSTRUCTIONS = {ops.Add: "add", ops.Sub: "sub", ops.And: "and"}


@ELEMENTS.on(ops.Add, ops.Sub, ops.And)
def _arithmetic(op: ops.Add | ops.Sub | ops.And, at: Element) -> str:
    return at.unit.code.two(INSTRUCTIONS[type(op)], at.read(op.a), at.read(op.b))


@ELEMENTS.on(ops.Min, ops.Max)
def _limit(op: ops.Min | ops.Max, at: Element) -> str:
    return at.unit.code.intrinsic("smin" if isinstance(op, ops.Min) else "smax", at.read(op.a), at.read(op.b))


ELEMENTS.on(ops.Gather)(lambda op, at: at.taken(at.unit.memory.taken(op, at.reads)))
ELEMENTS.on(ops.StateRead)(lambda op, at: at.own(at.unit.memory.states[op.state]))


@ELEMENTS.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, at: Element) -> str:
    code, graph = at.unit.code, at.unit.proven.graph
    x = at.read(op.x)
    address = at.address(at.unit.memory.values[op.out] + graph.constants[op.segment])
    total = code.two("add", code.load(address), x)
    code.store(total, address, at.stores)
    return total


RELATIONS = {ops.Relation.LESS: "slt", ops.Relation.LESS_EQUAL: "sle", ops.Relation.EQUAL: "eq"}


@ELEMENTS.on(ops.Compare)
def _compare(op: ops.Compare, at: Element) -> str:
    code = at.unit.code
    return code.as_integer(code.compare(RELATIONS[op.relation], at.read(op.a), at.read(op.b)))


@ELEMENTS.on(ops.Select)
def _select(op: ops.Select, at: Element) -> str:
    code = at.unit.code
    return code.choose(code.compare("ne", at.read(op.condition), code.splat(0)), at.read(op.a), at.read(op.b))


@ELEMENTS.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, at: Element) -> str:
    code, shift = at.unit.code, at.unit.proven.graph.constants[op.shift]
    product = code.two("mul", at.read(op.a), at.read(op.b))
    if np.all(shift == shift.flat[0]):
        return code.two("ashr", product, code.splat(int(shift.flat[0]))) if shift.any() else product
    return shift_right(code, product, at.number(shift))


@ELEMENTS.on(ops.Rescale)
def _rescale(op: ops.Rescale, at: Element) -> str:
    code, x, shift = at.unit.code, at.read(op.x), op.shift
    if shift:
        fits = at.unit.proven.spans[op.x].most + 2 ** (shift - 1) < 2 ** (code.bits - 1)
        if fits:
            x = code.two("ashr", code.two("add", x, code.splat(2 ** (shift - 1))), code.splat(shift))
        else:
            half = code.two("and", code.two("ashr", x, code.splat(shift - 1)), code.splat(1))
            x = code.two("add", code.two("ashr", x, code.splat(shift)), half)
    return _clipped(op.out, x, at)


@ELEMENTS.on(ops.Shift)
def _shift(op: ops.Shift, at: Element) -> str:
    code, form, amount = at.unit.code, at.unit.proven.graph.format(op.out), at.read(op.amount)
    zero = code.splat(0)
    span = at.unit.proven.spans[op.amount]
    left = right = None
    x = at.read(op.x)
    if span.least < 0:
        right = _amount(code, code.two("sub", zero, amount), -span.most, -span.least)
        x = code.two("ashr", x, right)
    if span.most > 0:
        left = _amount(code, amount, span.least, span.most)
    if op.out in at.unit.clips:
        low, high = code.splat(form.low), code.splat(form.high)
        if left is not None:
            low = code.two("sub", zero, code.two("ashr", code.splat(-form.low), left))
            high = code.two("ashr", high, left)
        clipped = code.intrinsic("smin", code.intrinsic("smax", x, low), high)
        count(op.out, x, clipped, at)
        x = clipped
    return x if left is None else code.two("shl", x, left)


def _amount(code: Code, amount: str, least: int, most: int) -> str:
    """An amount that lies between `least` and `most`, as an instruction takes it."""
    if least < 0:
        amount = code.intrinsic("smax", amount, code.splat(0))
    return code.intrinsic("smin", amount, code.splat(code.bits - 1)) if most >= code.bits else amount


@ELEMENTS.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, at: Element) -> str:
    unit, code, x = at.unit, at.unit.code, at.read(op.x)
    knots, origins, coefficients, shifts = (unit.proven.graph.constants[n] for n in op.arrays)
    if coefficients.shape[1] == 1 and len(knots) < FEW_KNOTS:
        return stepwise(code, knots, coefficients[:, 0], x)
    k = segment(code, unit.constants, knots, x, unit.proven.spans[op.x])
    column = lambda array: lookup(code, unit.constants, array, k)  # noqa: E731
    t = code.two("sub", x, column(origins))
    degree = coefficients.shape[1] - 1
    y = column(coefficients[:, degree])
    for j in range(degree - 1, -1, -1):
        y = code.two("ashr", code.two("mul", y, t), column(shifts[:, j]))
        y = code.two("add", y, column(coefficients[:, j]))
    return y


def _clipped(name: str, x: str, at: Element) -> str:
    """`x` clipped to the value's format, and counted, where it can leave it."""
    if name not in at.unit.clips:
        return x
    code, form = at.unit.code, at.unit.proven.graph.format(name)
    clipped = code.intrinsic("smin", code.intrinsic("smax", x, code.splat(form.low)), code.splat(form.high))
    count(name, x, clipped, at)
    return clipped
