"""Tables: fitted well, safe in every width, and what the integer semantics says they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_values import evaluate, table_error

from compiler.functions import FUNCTIONS
from compiler.graph.graph import Graph
from compiler.graph.ops import PiecewisePolynomial
from compiler.quantize import polynomial
from compiler.quantize.knots import Curve, reference
from compiler.quantize.polynomial import PolynomialTable, steps, uniform_lines
from compiler.ranges.polynomial_reach import Polynomials
from compiler.ranges.polynomial_reach import reach as bounds
from hw_models.errors import QuantizeError

SIGMOID, TANH = FUNCTIONS["sigmoid"].half, FUNCTIONS["tanh"].half


def fit(real, low, high, segments=8, degree=3, **widths) -> PolynomialTable:
    return polynomial.fit_segments(Curve(real, low, high, **widths), segments, degree)


def wave(x):
    return np.sin(3 * x) + 0.3 * x


def reciprocal(x):
    return 1 / x


REALS = [SIGMOID, TANH, wave, FUNCTIONS["silu"].real, FUNCTIONS["elu"].real, np.exp]


def exact_extremes(table: PolynomialTable, low: int, high: int) -> tuple[int, int, int, int]:
    """Smallest and largest result, largest |y| or |t| and |y * t| over every integer, without any wrapping."""
    x = np.arange(low, high + 1)
    k = np.searchsorted(table.knots, x, side="right")
    t = (x - table.origins[k]).astype(object)
    y = table.coefficients[k, -1].astype(object)
    word, product = max(np.abs(t).max(), np.abs(y).max()), 0
    for j in reversed(range(table.shifts.shape[1])):
        product = max(product, np.abs(y * t).max())
        y = ((y * t) >> table.shifts[k, j].astype(object)) + table.coefficients[k, j].astype(object)
        word = max(word, np.abs(y).max())
    return y.min(), y.max(), word, product


@pytest.mark.parametrize("degree", range(6))
def test_the_best_polynomial_below_a_power_is_chebyshevs(degree):
    nodes, level, _, _ = reference(degree)
    x = np.linspace(-1, 1, 1001)
    fitted = np.vander(x, degree + 1, increasing=True) @ level @ nodes ** (degree + 1)
    assert np.abs(x ** (degree + 1) - fitted).max() == pytest.approx(2.0**-degree, rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(
    real=st.sampled_from(REALS),
    low=st.integers(-6000, 2000),
    length=st.integers(1, 9000),
    in_fraction=st.integers(8, 13),
    out_fraction=st.integers(4, 18),
    segments=st.integers(1, 12),
    degree=st.integers(0, 4),
    word_bits=st.integers(22, 32),
    product_bits=st.integers(26, 40),
    flat=st.tuples(st.booleans(), st.booleans()),
)
def test_every_integer_of_the_domain_is_safe(
    real, low, length, in_fraction, out_fraction, segments, degree, word_bits, product_bits, flat
):
    high = low + length - 1
    try:
        table = fit(
            real, low, high, in_fraction=in_fraction, out_fraction=out_fraction, segments=segments, degree=degree,
            word_bits=word_bits, product_bits=product_bits, flat_below=flat[0], flat_above=flat[1],
        )  # fmt: skip
    except QuantizeError:
        x = np.arange(low, high + 2) * 2.0**-in_fraction
        assert np.abs(real(x)).max() * 2.0**out_fraction > 2.0 ** (word_bits - 2)  # refused only for a reason
        return
    least, most, word, product = exact_extremes(table, low, high)
    assert word < 2 ** (word_bits - 1) and product < 2**product_bits
    assert table.low <= least and most <= table.high
    proven = bounds(table, low, high)
    assert (proven.low, proven.high) == (table.low, table.high)
    assert word <= proven.word < 2 ** (word_bits - 1) and product <= proven.product < 2**product_bits
    assert table.segments <= segments and table.coefficients.shape[0] == table.segments
    assert np.all(np.diff(table.knots) > 0) and np.all((low < table.knots) & (table.knots <= high))
    assert np.all(table.shifts >= 0)


@settings(deadline=None, max_examples=30)
@given(low=st.integers(0, 98000), length=st.integers(1, 98000), parts=st.integers(1, 40))
def test_bounds_hold_for_any_part_of_the_domain(low, length, parts):
    table = fit(SIGMOID, 0, 98303, in_fraction=13, out_fraction=15, segments=parts, word_bits=24, product_bits=31)
    high = min(low + length - 1, 98303)
    least, most, word, product = exact_extremes(table, low, high)
    proven = bounds(table, low, high)
    assert proven.low <= least <= most <= proven.high and word <= proven.word and product <= proven.product
    assert proven.high - most <= 20 and least - proven.low <= 20 + 2000 // parts  # tight where segments are short


def test_bounds_report_what_a_bad_table_would_wrap():
    huge = np.array([[0, 2**40, 2**40]])
    reach = bounds(Polynomials(np.zeros(0, np.int64), np.array([0]), huge, np.zeros((1, 2), np.int64)), 0, 2**22)
    assert reach.product >= 2**62


def test_sigmoid_as_on_loihi2():
    x = np.arange(12 * 2**13)
    table = fit(
        SIGMOID, 0, x[-1], in_fraction=13, out_fraction=16, word_bits=24, product_bits=31, flat_above=True
    )  # fmt: skip
    error = evaluate(table, x) * 2.0**-16 - SIGMOID(x * 2.0**-13)
    assert np.abs(error).max() < 2.5e-5
    assert abs(error.mean()) < 0.1 * 2.0**-16  # flooring leaves no bias behind
    assert table.segments == 8 and table.high <= 2**16
    assert np.all(table.coefficients[-1, 1:] == 0)  # the tail is a constant


def test_without_rounding_the_error_is_the_polynomials_own_and_equal_in_all_segments():
    x = np.arange(12 * 2**13)
    table = fit(SIGMOID, 0, x[-1], in_fraction=13, out_fraction=40, word_bits=60, product_bits=62, flat_above=True)
    error = np.abs(evaluate(table, x) * 2.0**-40 - SIGMOID(x * 2.0**-13))
    assert error.max() < 1.2e-5
    k = np.searchsorted(table.knots, x, side="right")
    worst = [error[k == i].max() for i in range(8)]
    assert min(worst) > 0.8 * max(worst)


@pytest.mark.parametrize(("segments", "degree", "relative"), [(8, 3, 1.2e-5), (4, 3, 2.5e-5), (8, 2, 4.2e-5)])
def test_reciprocal_over_one_octave(segments, degree, relative):
    x = np.arange(2**15, 2**16)
    table = fit(
        reciprocal, 2**15, 2**16 - 1, in_fraction=16, out_fraction=16, segments=segments, degree=degree,
        word_bits=24, product_bits=31,
    )  # fmt: skip
    assert np.abs(evaluate(table, x) * 2.0**-16 * x * 2.0**-16 - 1).max() < relative
    assert table.low >= 2**16 - 8 and table.high <= 2**17 + 8


def test_constants_and_lines_are_exact_however_long():
    line = fit(np.abs, -(2**22), 2**22, in_fraction=13, out_fraction=12, word_bits=24, product_bits=31)
    x = np.arange(-(2**22), 2**22, 37)
    assert np.abs(evaluate(line, x) * 2 - np.abs(x)).max() <= 4  # one LSB, and a few integers round the kink
    constant = fit(np.zeros_like, -1000, 1000, in_fraction=4, out_fraction=9, word_bits=24, product_bits=31)
    assert constant.segments == 1 and np.all(constant.coefficients == 0)


def test_uniform_lines_for_chips_with_tables():
    x = np.arange(0, 12 * 2**24, 1237)
    widths = {"in_fraction": 24, "out_fraction": 30, "word_bits": 64, "product_bits": 62}
    table = uniform_lines(Curve(SIGMOID, 0, 12 * 2**24 - 1, **widths))
    assert table.segments == 4096 and len(set(np.diff(table.knots))) == 1
    assert np.abs(evaluate(table, x) * 2.0**-30 - SIGMOID(x * 2.0**-24)).max() < 6e-8
    curve = Curve(TANH, 0, 7 * 2**24 - 1, **widths)
    assert table_error(uniform_lines(curve, entries=16384), curve) < 1e-8


@given(st.lists(st.integers(-(2**22), 2**22), unique=True, max_size=20), st.data())
def test_steps_count_thresholds(thresholds, data):
    thresholds = sorted(thresholds)
    results = data.draw(st.lists(st.integers(-100, 100), min_size=len(thresholds) + 1, max_size=len(thresholds) + 1))
    x = data.draw(st.integers(-(2**23), 2**23))
    table = steps(thresholds, results)
    assert evaluate(table, [x]).tolist() == [results[sum(knot <= x for knot in thresholds)]]
    assert (table.low, table.high) == (min(results), max(results))


def test_steps_refuse_what_does_not_fit_together():
    with pytest.raises(QuantizeError, match="rising"):
        steps([4, 4], [1, 2, 3])
    with pytest.raises(QuantizeError, match="one result more"):
        steps([4], [1])


def test_a_result_too_wide_for_the_words_is_refused():
    with pytest.raises(QuantizeError, match="does not fit the chip's words") as caught:
        fit(np.exp, 0, 2**13, in_fraction=10, out_fraction=15, word_bits=24, product_bits=31)
    assert "2980" not in str(caught.value) and "15 fraction bits" in str(caught.value)
    with pytest.raises(QuantizeError, match="does not fit"):
        fit(np.exp, 0, 2**13, in_fraction=10, out_fraction=80, word_bits=24, product_bits=31)


def test_a_function_that_is_not_finite_is_refused():
    with pytest.raises(QuantizeError, match="not finite") as told, np.errstate(all="raise"):
        fit(np.sqrt, -100, 100, in_fraction=4, out_fraction=8, word_bits=24, product_bits=31)
    assert told.value.numbers == "arguments -6.25 to 6.25" and "clamp" in told.value.advice
    with pytest.raises(QuantizeError, match="not finite"), np.errstate(all="raise"):
        fit(reciprocal, 0, 100, in_fraction=4, out_fraction=8, word_bits=24, product_bits=31)


def test_a_fit_is_made_once_and_cannot_be_changed():
    def again() -> PolynomialTable:
        return fit(
            FUNCTIONS["sigmoid"].half, 0, 50000, in_fraction=12, out_fraction=15, word_bits=24, product_bits=31
        )  # fmt: skip

    assert again() is again()
    with pytest.raises(ValueError, match="read-only"):
        again().coefficients[0, 0] = 1


def test_evaluate_is_the_semantics_of_the_reference():
    from compiler.interpreters.reference import evaluate_polynomial as reference

    table = fit(wave, -20000, 20000, in_fraction=13, out_fraction=14, word_bits=24, product_bits=31)
    names = ("knots", "origins", "coefficients", "shifts")
    graph = Graph((), {}, {n: getattr(table, n) for n in names})
    x = np.arange(-20000, 20001)
    assert np.array_equal(reference(graph, PiecewisePolynomial("y", "x", *names), x), evaluate(table, x))


def test_a_tail_rests_on_what_the_function_tends_to():
    table = fit(
        SIGMOID, 0, 2**20, in_fraction=13, out_fraction=15, word_bits=24, product_bits=31, flat_above=True
    )  # fmt: skip
    assert table.segments == 8
    assert set(evaluate(table, np.arange(int(table.knots[-1]), 2**20, 997)).tolist()) == {2**15}
