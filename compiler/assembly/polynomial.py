"""The template of `PiecewisePolynomial`: a balanced tree of compares and skips, Horner in each leaf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compiler.assembly.mirrored import Mirrored
from compiler.assembly.site import Listing, Spot
from compiler.graph.ops import PiecewisePolynomial
from hw_models import isa


@dataclass(frozen=True)
class _Leaf:
    """A segment; `negative`: of the opposite of x; `whole`: what the result is taken from."""

    segment: int
    negative: bool = False
    whole: int | None = None


@dataclass(frozen=True)
class _Cases:
    """A leaf for x below the first of the rising thresholds, and one for x from each of them on."""

    thresholds: list[int]
    leaves: list[_Leaf]


def emit_polynomial(op: PiecewisePolynomial, dest: isa.Target, at: Spot) -> Listing:
    """dest = the polynomial of x's segment. All numbers of a segment are immediates of its leaf."""
    knots = at.graph.constants[op.knots].tolist()
    return _tree(op, op.x, _Cases(knots, [_Leaf(segment) for segment in range(len(knots) + 1)]), dest, at)


def symmetric(op: Mirrored, dest: isa.Target, at: Spot) -> Listing:
    """dest = a symmetric function of x, in one tree over x, its left half mirrored."""
    knots = at.graph.constants[op.half.knots].tolist()
    segments = range(len(knots) + 1)
    left = [_Leaf(segment, negative=True, whole=op.whole) for segment in reversed(segments)]
    thresholds = [*(1 - knot for knot in reversed(knots)), 0, *knots]
    return _tree(op.half, op.x, _Cases(thresholds, [*left, *map(_Leaf, segments)]), dest, at)


def branches(x: isa.Source, thresholds: list[int], leaf: Callable[[int], Listing], at: Spot) -> Listing:
    """What `leaf(k)` gives, where k of the rising `thresholds` are <= x."""
    end = at.scratch.label()

    def tree(first: int, last: int) -> Listing:
        if first == last:
            return leaf(first)
        middle = (first + last + 1) // 2
        right = f"{end}_{middle}"
        return [
            isa.SkipUnless(x, isa.Immediate(thresholds[middle - 1]), isa.Test.LESS, right),
            *tree(first, middle - 1),
            isa.Skip(end),
            isa.Label(right),
            *tree(middle, last),
        ]

    return [*tree(0, len(thresholds)), isa.Label(end)]


def _tree(op: PiecewisePolynomial, argument: str, cases: _Cases, dest: isa.Target, at: Spot) -> Listing:
    _, origins, coefficients, shifts = (at.graph.constants[name].tolist() for name in op.arrays)
    x, t, y = at.place(argument), at.scratch.register(), at.scratch.register()

    def leaf(here: _Leaf) -> Listing:
        """Horner from the highest coefficient that is not 0; coefficients rise with the power of t."""
        segment = here.segment
        terms = list(coefficients[segment])
        while len(terms) > 1 and terms[-1] == 0:
            terms.pop()
        if len(terms) == 1:
            return [isa.Move(dest, isa.Immediate(terms[0] if here.whole is None else here.whole - terms[0]))]
        listing: Listing = []
        distance: isa.Source = x
        if here.negative:
            listing.append(isa.Subtract(t, isa.Immediate(-origins[segment]), x))
            distance = t
        elif origins[segment] != 0:
            listing.append(isa.Subtract(t, x, isa.Immediate(origins[segment])))
            distance = t
        value: isa.Source = isa.Immediate(terms[-1])
        for power in range(len(terms) - 2, -1, -1):
            listing.append(isa.MultiplyShift(y, distance, value, isa.Immediate(shifts[segment][power])))
            if power == 0 and here.whole is not None:
                listing.append(isa.Subtract(dest, isa.Immediate(here.whole - terms[0]), y))
            else:
                listing.append(isa.Add(dest if power == 0 else y, y, isa.Immediate(terms[power])))
            value = y
        return listing

    return branches(x, cases.thresholds, lambda number: leaf(cases.leaves[number]), at)
