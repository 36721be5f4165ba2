"""The template of `PiecewisePolynomial`: a balanced tree of compares and skips, Horner in each leaf."""

from __future__ import annotations

from hw_models import isa
from hw_models.fixed_point import Integers


def polynomial(
    x: isa.Source,
    dest: isa.Target,
    knots: Integers,
    origins: Integers,
    coefficients: Integers,
    shifts: Integers,
    t: isa.Register,
    y: isa.Register,
    end: str,
) -> list[isa.Instruction]:
    """dest = the polynomial of x's segment. All numbers of a segment are immediates of its leaf.

    `t` and `y` are scratch registers, `end` the label behind the tree, which also names its inner labels.
    """

    def tree(first: int, last: int) -> list[isa.Instruction]:
        if first == last:
            return leaf(x, dest, int(origins[first]), coefficients[first], shifts[first], t, y)
        middle = (first + last + 1) // 2
        right = f"{end}_{middle}"
        return [
            isa.SkipUnless(x, isa.Immediate(int(knots[middle - 1])), isa.Test.LESS, right),
            *tree(first, middle - 1),
            isa.Skip(end),
            isa.Label(right),
            *tree(middle, last),
        ]

    return [*tree(0, len(origins) - 1), isa.Label(end)]


def leaf(
    x: isa.Source,
    dest: isa.Target,
    origin: int,
    coefficients: Integers,
    shifts: Integers,
    t: isa.Register,
    y: isa.Register,
) -> list[isa.Instruction]:
    """Horner from the highest coefficient that is not 0; coefficients rise with the power of t."""
    terms = [int(c) for c in coefficients]
    while len(terms) > 1 and terms[-1] == 0:
        terms.pop()
    if len(terms) == 1:
        return [isa.Move(dest, isa.Immediate(terms[0]))]
    listing: list[isa.Instruction] = []
    distance: isa.Source = x
    if origin != 0:
        listing.append(isa.Subtract(t, x, isa.Immediate(origin)))
        distance = t
    value: isa.Source = isa.Immediate(terms[-1])
    for power in range(len(terms) - 2, -1, -1):
        listing.append(isa.MultiplyShift(y, distance, value, isa.Immediate(int(shifts[power]))))
        target = dest if power == 0 else y
        listing.append(isa.Add(target, y, isa.Immediate(terms[power])))
        value = y
    return listing
