"""The template of `PiecewisePolynomial`: a balanced tree of compares and skips, Horner in each leaf."""

from __future__ import annotations

from compiler.assembly.site import Listing, Site
from compiler.graph.ops import PiecewisePolynomial
from hw_models import isa


def polynomial(op: PiecewisePolynomial, dest: isa.Target, at: Site) -> Listing:
    """dest = the polynomial of x's segment. All numbers of a segment are immediates of its leaf."""
    knots, origins, coefficients, shifts = (at.graph.constants[name].tolist() for name in op.arrays)
    x, t, y, end = at.place(op.x), at.scratch.register(), at.scratch.register(), at.scratch.label()

    def tree(first: int, last: int) -> Listing:
        if first == last:
            return leaf(first)
        middle = (first + last + 1) // 2
        right = f"{end}_{middle}"
        return [
            isa.SkipUnless(x, isa.Immediate(knots[middle - 1]), isa.Test.LESS, right),
            *tree(first, middle - 1),
            isa.Skip(end),
            isa.Label(right),
            *tree(middle, last),
        ]

    def leaf(segment: int) -> Listing:
        """Horner from the highest coefficient that is not 0; coefficients rise with the power of t."""
        terms = list(coefficients[segment])
        while len(terms) > 1 and terms[-1] == 0:
            terms.pop()
        if len(terms) == 1:
            return [isa.Move(dest, isa.Immediate(terms[0]))]
        listing: Listing = []
        distance: isa.Source = x
        if origins[segment] != 0:
            listing.append(isa.Subtract(t, x, isa.Immediate(origins[segment])))
            distance = t
        value: isa.Source = isa.Immediate(terms[-1])
        for power in range(len(terms) - 2, -1, -1):
            listing.append(isa.MultiplyShift(y, distance, value, isa.Immediate(shifts[segment][power])))
            target = dest if power == 0 else y
            listing.append(isa.Add(target, y, isa.Immediate(terms[power])))
            value = y
        return listing

    return [*tree(0, len(origins) - 1), isa.Label(end)]
