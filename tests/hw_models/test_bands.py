"""Bands: order is kept by all arithmetic, and each end is computed from the ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_models.bands import Band

bands = st.lists(st.floats(0, 1e6), min_size=3, max_size=3).map(lambda ends: Band(*sorted(ends)))


@settings(deadline=None, max_examples=50)
@given(bands, bands, st.floats(0, 1e3))
def test_sums_and_products_keep_their_order(a, b, number):
    for found, ends in (
        (a + b, (a.low + b.low, a.default + b.default, a.high + b.high)),
        (a * b, (a.low * b.low, a.default * b.default, a.high * b.high)),
        (number * a + number, tuple(number * end + number for end in (a.low, a.default, a.high))),
    ):
        assert (found.low, found.default, found.high) == ends
        assert found.low <= found.default <= found.high
    assert sum([a, b]) == a + b


def test_rate_turns_around():
    assert Band(1, 2, 4).rate() == Band(0.25, 0.5, 1)
    assert (Band(1, 2, 4) / 2).rate() == Band(0.5, 1, 2)


@pytest.mark.parametrize("ends", [(2, 1, 3), (1, 3, 2), (-1, 0, 1), (0, 1, float("inf")), (float("nan"), 1, 2)])
def test_a_band_that_does_not_rise_is_refused(ends):
    with pytest.raises(ValueError, match="low <= default <= high"):
        Band(*ends)
