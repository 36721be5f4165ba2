"""Piecewise linear functions: near their function, flat outside, exact at their knots."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compiler.functions import SIGMOID, TANH
from compiler.library_processes.piecewise_linear import coefficients, fit_knots


@settings(max_examples=25, deadline=None)
@example(TANH, -134.0, 6.0, 14)  # flat to the last digit
@given(
    function=st.sampled_from([SIGMOID, TANH]),
    low=st.floats(-1000, 5),
    width=st.floats(0.5, 3000),
    count=st.integers(8, 32),
)
def test_the_error_falls_with_the_square_of_the_hinges(function, low, width, count) -> None:
    knots, values = fit_knots(function.real, low, low + width, count, relative=False)
    x = np.linspace(low, low + width, 999)
    assert np.all(np.diff(knots) > 0) and low <= knots[0] and knots[-1] <= low + width
    # Theory: (integral of sqrt|f''|)^2 / 16 count^2, which is at most 0.68 / count^2 for tanh; least squares has more.
    assert np.abs(np.interp(x, knots, values) - function.real(x)).max() < 2.5 / count**2 + 1e-6


@pytest.mark.parametrize("kinks", [(-1.0, 1.0), (0.0, 99.0), (-3.0, 3.0)])
def test_knots_of_what_is_straight_lie_apart(kinks: tuple[float, float]) -> None:
    """Not all at its kinks: hinges so near to each other would have factors that no weight holds."""
    knots, values = fit_knots(lambda x: np.clip(x, *kinks), -4.0, 4.0, 16, relative=False)
    assert np.diff(knots).min() > 0.7 * 8.0 / 16
    assert np.abs(np.diff(values) / np.diff(knots)).max() < 1.3


def test_a_reciprocal_is_near_in_relative_terms() -> None:
    knots, values = fit_knots(lambda x: 1 / x, 0.5, 20.0, 32, relative=True)
    x = np.linspace(0.5, 20.0, 999)
    assert np.abs(np.interp(x, knots, values) * x - 1).max() < 3e-3


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(-10, 10), min_size=2, max_size=9))
def test_hinges_go_through_the_values_and_stay_there(values: list[float]) -> None:
    knots = np.arange(len(values), dtype=float) * 0.5 - 1
    factors = coefficients(knots, np.array(values))

    def real(x: float) -> float:
        return values[0] + float(factors @ np.maximum(x - knots, 0))

    assert np.allclose([real(k) for k in knots], values, atol=1e-9)
    assert np.isclose(real(-5.0), values[0]) and np.isclose(real(50.0), values[-1], atol=1e-6)
