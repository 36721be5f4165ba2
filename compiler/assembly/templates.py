"""One fixed template of chip instructions per integer op. The assembler looks up and never decides.

A template may leave out an instruction that provably does nothing for the op's formats (a clip that can
never act, an origin of 0); it never computes another integer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compiler.assembly.polynomial import branches, emit_polynomial
from compiler.assembly.site import Listing, Spot
from compiler.assembly.table_shifts import Stepped
from compiler.graph import ops
from compiler.graph.integers import IntegerGraph
from compiler.graph.op_table import OpTable
from hw_models import isa

_TESTS = {
    ops.Relation.LESS: isa.Test.LESS,
    ops.Relation.LESS_EQUAL: isa.Test.LESS_EQUAL,
    ops.Relation.EQUAL: isa.Test.EQUAL,
}


_OF_TWO: dict[type[ops.Op], Callable[[isa.Target, isa.Source, isa.Source], isa.Instruction]] = {
    ops.Add: isa.Add,
    ops.Sub: isa.Subtract,
    ops.Min: isa.Minimum,
    ops.Max: isa.Maximum,
    ops.And: isa.And,
}

select: OpTable[[isa.Target, Spot], Listing] = OpTable("templates")
"""The instructions that leave the result of an elementwise op in a target. `ChipError` where the chip has none."""


@select.on(ops.Add, ops.Sub, ops.Min, ops.Max, ops.And)
def _of_two(op: ops.Add | ops.Sub | ops.Min | ops.Max | ops.And, dest: isa.Target, at: Spot) -> Listing:
    return [_OF_TWO[type(op)](dest, at.place(op.a), at.place(op.b))]


select.on(ops.Compare)(lambda op, dest, at: [isa.Compare(dest, at.place(op.a), at.place(op.b), _TESTS[op.relation])])


select.on(ops.Select)(lambda op, dest, at: [isa.Select(dest, at.place(op.condition), at.place(op.a), at.place(op.b))])


@select.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, dest: isa.Target, at: Spot) -> Listing:
    return [isa.MultiplyShift(dest, at.place(op.a), at.place(op.b), at.place(op.shift))]


select.on(ops.PiecewisePolynomial)(emit_polynomial)


def _bounds(graph: IntegerGraph, name: str) -> tuple[int, int]:
    """The lowest and highest integer that a value or constant holds."""
    if name in graph.constants:
        return int(graph.constants[name].min()), int(graph.constants[name].max())
    form = graph.format(name)
    return form.low, form.high


def _clip(dest: isa.Target, a: isa.Source, bounds: tuple[int, int], low: int, high: int) -> tuple[Listing, isa.Source]:
    """dest = min(max(a, low), high) for an `a` within `bounds`; and where the result is."""
    listing: Listing = []
    if bounds[1] > high:
        listing.append(isa.Minimum(dest, a, isa.Immediate(high)))
        a = dest
    if bounds[0] < low:
        listing.append(isa.Maximum(dest, a, isa.Immediate(low)))
        a = dest
    return listing, a


@select.on(ops.Rescale)
def _rescale(op: ops.Rescale, dest: isa.Target, at: Spot) -> Listing:
    """Add half an LSB, shift right, clip."""
    low, high = _bounds(at.graph, op.x)
    out_low, out_high = _bounds(at.graph, op.out)
    listing: Listing = []
    x = at.place(op.x)
    if op.shift > 0:
        half = 1 << (op.shift - 1)
        if high + half <= at.chip.word_high:
            listing.append(isa.Add(dest, x, isa.Immediate(half)))
            listing.append(isa.ShiftRight(dest, dest, isa.Immediate(op.shift)))
        else:  # the half does not fit on top: half the shift's last bit afterwards is the same integer
            listing.append(isa.ShiftRight(dest, x, isa.Immediate(op.shift - 1)))
            listing.append(isa.Add(dest, dest, isa.Immediate(1)))
            listing.append(isa.ShiftRight(dest, dest, isa.Immediate(1)))
        x, low, high = dest, (low + half) >> op.shift, (high + half) >> op.shift
    clips, x = _clip(dest, x, (low, high), out_low, out_high)
    listing += clips
    return listing if x == dest else [isa.Move(dest, x)]


@select.on(ops.Shift)
def _shift(op: ops.Shift, dest: isa.Target, at: Spot) -> Listing:
    """Shift right by max(-amount, 0), clip to what the word can hold after it, shift left by max(amount, 0)."""
    graph, scratch = at.graph, at.scratch
    low, high = _bounds(graph, op.out)
    x, amount = at.place(op.x), at.place(op.amount)
    least, most = _bounds(graph, op.amount)
    if least == most:
        return _shifted(dest, x, most, _bounds(graph, op.x), (low, high))
    right = scratch.register()
    if most <= 0:
        first: Listing = [isa.Subtract(right, isa.Immediate(0), amount), isa.ShiftRight(dest, x, right)]
        shifted = [bound >> -amount for bound in _bounds(graph, op.x) for amount in (least, most)]
        return [*first, *_clip(dest, dest, (min(shifted), max(shifted)), low, high)[0]]
    code: Listing = []
    left: isa.Source = amount
    if least < 0:
        left = scratch.register()
        code += [
            isa.Maximum(left, amount, isa.Immediate(0)),
            isa.Subtract(right, left, amount),
            isa.ShiftRight(right, x, right),
        ]
        x = right
    lowest, highest = _bounds(graph, op.x)
    clipped, bound = scratch.register(), scratch.register()
    fewest = max(least, 0)  # of a bound on the other side of 0 the smallest amount leaves least room
    if highest > min(high >> fewest, high >> most):
        code += [isa.ShiftRight(bound, isa.Immediate(high), left), isa.Minimum(clipped, x, bound)]
        x = clipped
    if lowest < max(-(-low >> fewest), -(-low >> most)):
        if x is not clipped or -low != high:
            code.append(isa.ShiftRight(bound, isa.Immediate(-low), left))
        code += [isa.Subtract(bound, isa.Immediate(0), bound), isa.Maximum(clipped, x, bound)]
        x = clipped
    return [*code, isa.ShiftLeft(dest, x, left)]


def _shifted(dest: isa.Target, x: isa.Source, amount: int, bounds: tuple[int, int], wanted: tuple[int, int]) -> Listing:
    """The same by a number, of an `x` within `bounds`; the result is clipped to those that are `wanted`."""
    low, high = wanted
    if amount >= 0:
        listing, x = _clip(dest, x, bounds, -(-low >> amount), high >> amount)
        return [*listing, isa.ShiftLeft(dest, x, isa.Immediate(amount)) if amount else isa.Move(dest, x)]
    shifted = (bounds[0] >> -amount, bounds[1] >> -amount)
    return [isa.ShiftRight(dest, x, isa.Immediate(-amount)), *_clip(dest, dest, shifted, low, high)[0]]


def select_stepped(op: Stepped, dests: Mapping[str, isa.Target], at: Spot) -> Listing:
    """Each shift's result in its target: in one tree, in whose leaves all amounts are numbers."""
    graph, table = at.graph, op.table
    knots = graph.constants[table.knots].tolist()
    low, high = _bounds(graph, table.x)

    def leaf(segment: int) -> Listing:
        here = (max([low, *knots[:segment][-1:]]), min([high, *(knot - 1 for knot in knots[segment:][:1])]))
        listing: Listing = []
        for shift, amount in zip(op.shifts, op.amounts[segment], strict=True):
            bounds = here if shift.x == table.x else _bounds(graph, shift.x)
            listing += _shifted(dests[shift.out], at.place(shift.x), amount, bounds, _bounds(graph, shift.out))
        return listing

    return branches(at.place(table.x), knots, leaf, at)
