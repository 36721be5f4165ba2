"""Fixed-point arithmetic against Python's own integers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_models.fixed_point import Format, floor_shift, mul_shift, round_shift, saturate, shift_saturate

WORDS = st.integers(-(2**23), 2**23 - 1)


def one(result: np.ndarray) -> int:
    return int(result[0])


@given(WORDS, st.integers(0, 24))
def test_shifts_floor_and_round_half_up(x, shift):
    array = np.array([x])
    assert one(floor_shift(array, shift)) == x // 2**shift
    assert one(round_shift(array, shift)) == (Fraction(x, 2**shift) + Fraction(1, 2)) // 1


@given(st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(2**31 - 9, 2**31 - 1)), st.integers(0, 40))
def test_rounding_overflows_for_no_word(x, shift):
    """Products of 31 bits are rounded in words of 32."""
    assert one(round_shift(np.array([x], np.int32), shift)) == (Fraction(x, 2**shift) + Fraction(1, 2)) // 1


@given(WORDS, st.integers(-(2**15), 2**15), st.integers(0, 30))
def test_products_floor(a, b, shift):
    assert one(mul_shift(np.array([a]), np.array([b]), shift)) == a * b // 2**shift


@given(WORDS, st.integers(-8, 8), st.integers(-(2**23), 0), st.integers(0, 2**23 - 1))
def test_shift_is_the_document(x, amount, low, high):
    result, saturated = shift_saturate(np.array([x]), np.array([amount]), low, high)
    if amount >= 0:
        expected = min(max(x, -(-low >> amount)), high >> amount) * 2**amount
        changed = expected != x * 2**amount
    else:
        expected = min(max(x >> -amount, low), high)
        changed = expected != x >> -amount
    assert (one(result), saturated) == (expected, int(changed))
    assert low <= one(result) <= high


@given(WORDS, st.integers(-(2**22), 0), st.integers(0, 2**22))
def test_saturate_counts(x, low, high):
    result, count = saturate(np.array([x, low, high]), low, high)
    assert result.tolist() == [min(max(x, low), high), low, high]
    assert count == int(not low <= x <= high)


@given(st.integers(-(2**23), 2**23 - 1), st.integers(-(2**23), 2**23 - 1), st.integers(-4, 30))
def test_format(a, b, fraction):
    form = Format(fraction, min(a, b), max(a, b))
    assert -(2 ** (form.bits - 1)) <= form.low and form.high < 2 ** (form.bits - 1)
    if form.bits > 1:
        half = 2 ** (form.bits - 2)
        assert form.low < -half or form.high >= half, "a word of one bit less would do"
    back, saturated = form.quantize(form.dequantize([a, b]))
    assert back.tolist() == [a, b] and saturated == 0


@pytest.mark.parametrize("real", [1e30, -1e30, 1e300])
def test_far_values_saturate_and_are_counted(real):
    integers, saturated = Format(10, -100, 99).quantize([real, 0.0])
    assert integers.tolist() == [99 if real > 0 else -100, 0] and saturated == 1
