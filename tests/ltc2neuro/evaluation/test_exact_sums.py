"""Sums without rounding: those of fractions, whatever the order."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ltc2neuro.evaluation import exact_sums


def rounded(number: Fraction) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(FLOATS, FLOATS), max_size=20))
@settings(deadline=None)
def test_sums_are_those_of_fractions(rows):
    found = exact_sums.exact_sums(np.array(rows, np.float64).reshape(-1, 2))
    for column, total in enumerate(found):
        wanted = sum((Fraction(row[column]) for row in rows), Fraction(0))
        assert exact_sums.fraction(total) == wanted
        assert exact_sums.value(total) == rounded(wanted)


def test_no_order_and_no_split_changes_a_sum():
    values = np.random.default_rng(0).normal(size=(999, 3)) * 10.0 ** np.random.default_rng(1).integers(
        -30, 30, (999, 3)
    )
    whole = exact_sums.exact_sums(values)
    parts = [exact_sums.exact_sums(part) for part in np.array_split(values[::-1], 7)]
    assert tuple(map(sum, zip(*parts, strict=True))) == whole
    assert exact_sums.value(whole[0]) == math.fsum(values[:, 0])


@given(FLOATS, FLOATS)
def test_products_are_whole(a, b):
    if all(v == 0 or 1e-120 < abs(v) < exact_sums.MOST for v in (a, b)):
        high, low = exact_sums.exact_products(np.array([a]), np.array([b]))
        assert Fraction(float(high[0])) + Fraction(float(low[0])) == Fraction(a) * Fraction(b)
