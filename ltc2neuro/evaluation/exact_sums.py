"""Sums of float64 without rounding: the same in whatever order, and in whatever parts, they are added up.

A sum is a whole number of 2**-UNIT, of which every finite float64 is one.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from hw_models.arrays import Floats

UNIT = 1127
"""Below the smallest float64 by its 53 bits"""
HALF = 27
"""Bits of the lower part of a mantissa: sums of either part are exact in float64 up to 2**26 rows"""
ROWS = 2**26
MOST = 2.0**500
"""The largest number of which a square is a number, too"""


def exact_sums(values: Floats) -> tuple[int, ...]:
    """The sum of each column of finite `values` (rows, columns).

    >>> [value(total) for total in exact_sums(np.array([[1e300, 0.1], [1.0, 0.2], [-1e300, 0.3]]))]
    [1.0, 0.6]
    """
    if len(values) > ROWS:
        return tuple(map(sum, zip(exact_sums(values[:ROWS]), exact_sums(values[ROWS:]), strict=True)))
    fraction, exponent = np.frexp(values)
    whole = np.ldexp(fraction, 53).astype(np.int64)
    columns, least = values.shape[1], int(exponent.min(initial=0))
    width = int(exponent.max(initial=0)) - least + 1
    place = (exponent - least + width * np.arange(columns)).ravel()
    totals = [0] * columns
    for part, shift in ((whole >> HALF, HALF), (whole & (2**HALF - 1), 0)):
        found = np.bincount(place, weights=part.ravel(), minlength=columns * width)
        for at in np.flatnonzero(found):
            column, power = divmod(int(at), width)
            totals[column] += int(found[at]) << (power + least - 53 + UNIT + shift)
    return tuple(totals)


def exact_products(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Two arrays whose sum is a * b without rounding, of numbers up to `MOST` (T. J. Dekker, 1971)."""
    high = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    low = ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low
    return high, low


def _halves(a: Floats) -> tuple[Floats, Floats]:
    """The upper and the lower bits of each, so that products of halves are exact."""
    scaled = a * (2.0**27 + 1)
    high = scaled - (scaled - a)
    return high, a - high


def value(total: int, count: int = 1) -> float:
    """A sum over a count as a float64, rounded once; infinite where it is none."""
    try:
        return total / (count << UNIT)
    except OverflowError:
        return math.inf if total > 0 else -math.inf


def fraction(total: int) -> Fraction:
    """A sum as it is."""
    return Fraction(total, 2**UNIT)
