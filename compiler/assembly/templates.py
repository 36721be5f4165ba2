"""One fixed template of chip instructions per integer op. The assembler looks up and never decides.

A template may leave out an instruction that provably does nothing for the op's formats (a clip that can
never act, an origin of 0); it never computes another integer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from compiler.assembly.polynomial import polynomial
from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import (
    Add,
    And,
    Compare,
    Elementwise,
    Max,
    Min,
    MulShift,
    PiecewisePolynomial,
    Relation,
    Rescale,
    Select,
    Shift,
    Sub,
)
from hw_models import isa
from hw_models.chip import Chip
from hw_models.errors import ChipError
from hw_models.fixed_point import Integers

Listing: TypeAlias = list[isa.Instruction]
Place: TypeAlias = Callable[[str], isa.Source]
"""Where a value or constant of the graph is found."""

_TESTS = {
    Relation.LESS: isa.Test.LESS,
    Relation.LESS_EQUAL: isa.Test.LESS_EQUAL,
    Relation.EQUAL: isa.Test.EQUAL,
}


@dataclass
class Scratch:
    """Fresh names for the registers and labels of one listing."""

    used: int = 0

    def register(self) -> isa.Register:
        """A register that nobody else uses."""
        self.used += 1
        return isa.Register(f"~{self.used}")

    def label(self) -> str:
        """A label that nobody else uses."""
        self.used += 1
        return f"l{self.used}"


def select(
    op: Elementwise, dest: isa.Target, graph: IntegerGraph, chip: Chip, place: Place, scratch: Scratch
) -> Listing:
    """The instructions that leave the result of `op` in `dest`. Raises `ChipError` where the chip has none."""
    if isinstance(op, Add):
        return [isa.Add(dest, place(op.a), place(op.b))]
    if isinstance(op, Sub):
        return [isa.Subtract(dest, place(op.a), place(op.b))]
    if isinstance(op, Min):
        return [isa.Minimum(dest, place(op.a), place(op.b))]
    if isinstance(op, Max):
        return [isa.Maximum(dest, place(op.a), place(op.b))]
    if isinstance(op, And):
        return [isa.And(dest, place(op.a), place(op.b))]
    if isinstance(op, Compare):
        return [isa.Compare(dest, place(op.a), place(op.b), _TESTS[op.relation])]
    if isinstance(op, Select):
        return [isa.Select(dest, place(op.condition), place(op.a), place(op.b))]
    if isinstance(op, MulShift):
        return [isa.MultiplyShift(dest, place(op.a), place(op.b), place(op.shift))]
    if isinstance(op, Rescale):
        return _rescale(op, dest, graph, chip, place)
    if isinstance(op, Shift):
        return _shift(op, dest, graph, place, scratch)
    if isinstance(op, PiecewisePolynomial):
        knots, origins = _integers(graph, op.knots), _integers(graph, op.origins)
        coefficients, shifts = _integers(graph, op.coefficients), _integers(graph, op.shifts)
        names = (scratch.register(), scratch.register(), scratch.label())
        return polynomial(place(op.x), dest, knots, origins, coefficients, shifts, *names)
    raise ChipError(
        f"{chip.name} has no instruction for {type(op).__name__}", where=op.result or "", advice="Use another chip."
    )


def _integers(graph: IntegerGraph, name: str) -> Integers:
    return np.asarray(graph.constants[name], np.int64)


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


def _rescale(op: Rescale, dest: isa.Target, graph: IntegerGraph, chip: Chip, place: Place) -> Listing:
    """Add half an LSB, shift right, clip."""
    low, high = _bounds(graph, op.x)
    out_low, out_high = _bounds(graph, op.out)
    listing: Listing = []
    x = place(op.x)
    if op.shift > 0:
        half = 1 << (op.shift - 1)
        if high + half <= chip.word_high:
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


def _shift(op: Shift, dest: isa.Target, graph: IntegerGraph, place: Place, scratch: Scratch) -> Listing:
    """Shift right by max(-amount, 0), clip to what the word can hold after it, shift left by max(amount, 0)."""
    low, high = _bounds(graph, op.out)
    x, amount = place(op.x), place(op.amount)
    least, most = _bounds(graph, op.amount)
    if least == most >= 0:
        listing, x = _clip(dest, x, _bounds(graph, op.x), -(-low >> most), high >> most)
        return [*listing, isa.ShiftLeft(dest, x, isa.Immediate(most)) if most else isa.Move(dest, x)]
    right = scratch.register()
    if most <= 0:
        first: Listing = [isa.ShiftRight(dest, x, isa.Immediate(-most))]
        if least < most:
            first = [isa.Subtract(right, isa.Immediate(0), amount), isa.ShiftRight(dest, x, right)]
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
        code += [
            isa.ShiftRight(bound, isa.Immediate(-low), left),
            isa.Subtract(bound, isa.Immediate(0), bound),
            isa.Maximum(clipped, x, bound),
        ]
        x = clipped
    return [*code, isa.ShiftLeft(dest, x, left)]
