"""Integer weights: their grid, both ways of rounding, and what the precision settings gain on a matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.graph import Block, Graph, Value
from compiler.graph.ops import Apply, Input, MatVec, Output
from compiler.interpreters.float64 import run_float
from compiler.interpreters.reference import run_reference
from compiler.quantize import matrices
from compiler.quantize import row_factors as row_factors_module
from compiler.quantize.matrices import (
    calibrated,
    exponents,
    input_spread,
    is_calibrated,
    over_calibration,
    round_to_nearest,
)
from compiler.quantize.precision import Precision
from compiler.quantize.row_factors import BITS, row_factors
from compiler.quantize.to_integers import quantize
from hw_models.chip import load_chip


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
@settings(deadline=None, max_examples=50)
def test_exponents_bring_each_source_near_the_largest_weight(left: int, right: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = np.concatenate([rng.normal(size=(4, left)), rng.normal(size=(4, right)) * 2.0 ** rng.integers(-9, 1)], 1)
    largest = np.abs(matrix).max()
    shifts = exponents(matrix, [left, right], largest)
    for part, shift in zip(np.split(matrix, [left], axis=1), shifts, strict=True):
        assert largest / 2 < np.abs(part).max() * 2.0**shift <= largest


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 2**31), st.booleans())
@settings(deadline=None, max_examples=50)
def test_row_factors_have_few_digits_and_fill_the_synapses(left: int, right: int, seed: int, split: bool) -> None:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(40, left + right)) * np.repeat(2.0 ** rng.integers(-9, 9, 2), [left, right])
    matrix = rng.normal(size=(5, left + right)) * np.repeat(2.0 ** rng.integers(-9, 9, 2), [left, right])
    matrix[3] = 0
    factors = row_factors(matrix, [left, right], inputs, Precision(split_weights=split))
    mantissa, _ = np.frexp(factors)
    assert np.array_equal(np.ldexp(mantissa, BITS) % 1, np.zeros(5))
    rows = matrix / factors[:, None]
    shifts = exponents(rows, [left, right], 1 - 2.0 ** -Precision(split_weights=split).first_weight)
    largest = np.abs(rows * np.repeat(2.0 ** np.array(shifts), [left, right])).max(axis=1)
    assert np.all(largest < 1) and np.all(largest[[0, 1, 2, 4]] > 0.8)


def test_a_row_factor_is_chosen_for_the_least_error() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 9)) @ rng.normal(size=(9, 9))
    matrix = rng.normal(size=(50, 9))

    def error(factors: np.ndarray) -> float:
        grid = 256 / factors[:, None]
        return float(np.square((round_to_nearest(matrix * grid, 255) / grid - matrix) @ inputs.T).mean())

    chosen = row_factors(matrix, [9], inputs, Precision(calibrated_weights=False))
    assert error(chosen) < 0.6 * error(np.abs(matrix).max(axis=1) * 256 / 255)


def test_calibrated_rounding_keeps_the_products_with_the_data() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 40)) + 0.1 * rng.normal(size=(500, 40))
    matrix = rng.uniform(-255, 255, size=(20, 40))
    rounded = calibrated(matrix, input_spread(inputs), 255), round_to_nearest(matrix, 255)
    errors = [np.square((r - matrix) @ inputs.T).mean() for r in rounded]
    assert errors[0] < errors[1] / 10
    assert np.abs(calibrated(matrix, input_spread(inputs), 255)).max() <= 255


def test_inputs_that_are_always_zero_are_rounded_to_the_nearest() -> None:
    matrix = np.array([[1.4, -2.6]])
    assert np.array_equal(calibrated(matrix, input_spread(np.zeros((5, 2))), 255), round_to_nearest(matrix, 255))


def _product(rng: np.random.Generator, rows: int, columns: int) -> Graph:
    constants = {
        "ones": np.ones(columns),
        "zeros": np.zeros(columns),
        "scale": np.ones(rows),
        "offset": np.zeros(rows),
        "matrix": rng.normal(size=(rows, columns)),
    }
    ops = (Input("x", "ones", "zeros"), MatVec("y", ("x",), "matrix"), Output("y", "scale", "offset"))
    return Graph((Block("all", ops),), {"x": Value("x", columns), "y": Value("y", rows)}, constants)


def _sqnr(precision: Precision, seed: int, columns: int = 12) -> float:
    rng = np.random.default_rng(seed)
    graph = _product(rng, 6, columns)
    return _sqnr_of(graph, rng.normal(size=(20, 50, columns)) @ rng.normal(size=(columns, columns)), precision)


def _sqnr_of(graph: Graph, x: np.ndarray, precision: Precision) -> float:
    integers = quantize(graph, list(x), load_chip("loihi2"), precision)
    sent, _ = integers.input_format.quantize(integers.input_map(x))
    got = integers.output_map(run_reference(integers, sent).outputs * 2.0**-integers.output_fraction)
    exact = run_float(graph, x).outputs
    return 10 * np.log10(np.sum(exact**2) / np.sum((exact - got) ** 2))


@pytest.mark.parametrize("seed", range(3))
def test_each_setting_gains_what_it_costs(seed: int) -> None:
    default = _sqnr(Precision(), seed)
    assert default > 57.5
    assert _sqnr(Precision(calibrated_weights=False), seed) < default - 0.5
    assert _sqnr(Precision(split_weights=True), seed) > default + 18
    assert _sqnr(Precision(split_weights=True, split_messages=True), seed) > default + 40


def test_few_bits_are_rounded_over_the_calibration() -> None:
    few = _sqnr(Precision(weight=4), 0)
    assert few > _sqnr(Precision(weight=4, calibrated_weights=False), 0) + 1
    split = Precision(overrides={"y*": {"weight": 4}})
    assert few == _sqnr(split, 0) < _sqnr(Precision(), 0)


def test_wide_matrices_are_calibrated_where_weights_have_few_bits() -> None:
    assert is_calibrated(Precision(), 1024) and not is_calibrated(Precision(), 1025)
    assert is_calibrated(Precision(weight=7), 1025)
    assert not is_calibrated(Precision(weight=4, calibrated_weights=False), 10)


def test_a_row_is_calibrated_where_samples_held_back_say_that_it_errs_less() -> None:
    """The first third judges: of samples like the others it takes what these teach, of independent channels nothing."""
    rng = np.random.default_rng(0)
    taught = rng.normal(size=(400, 4)) @ rng.normal(size=(4, 30))
    matrix = rng.uniform(-255, 255, size=(20, 30))
    alike, other = (np.concatenate([judge, taught]) for judge in (taught[:200], rng.normal(size=(200, 30))))
    assert np.array_equal(over_calibration(alike, 255)(matrix), calibrated(matrix, input_spread(taught), 255))
    assert np.array_equal(over_calibration(other, 255)(matrix), round_to_nearest(matrix, 255))


def test_no_calibrated_weight_is_a_synapse_that_the_model_does_not_have() -> None:
    """Columns that go together hand errors of half an LSB and more on to weights of 0, too."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(1000, 6)) @ rng.normal(size=(6, 32)) + 0.05 * rng.normal(size=(1000, 32))
    matrix = rng.normal(size=(40, 32)) * 60 * (rng.random((40, 32)) < 0.3)
    rounded = over_calibration(inputs, 255)(matrix)
    assert not rounded[matrix == 0].any()
    wrong = [np.square((r - matrix) @ inputs.T).mean() for r in (rounded, round_to_nearest(matrix, 255))]
    assert wrong[0] < wrong[1] / 1.5


def test_calibrated_weights_know_in_which_units_each_source_is() -> None:
    """Small weights stand on a finer grid: where their inputs go with others, they take up what those are off."""
    rng = np.random.default_rng(0)
    graph = _product(rng, 6, 6)
    matrix = np.concatenate([graph.constants["matrix"], rng.normal(size=(6, 6)) / 2**7], axis=1)
    begin, _, end = graph.blocks[0].ops
    block = Block("all", (begin, Apply("t", "x", "tanh"), MatVec("y", ("x", "t"), "matrix"), end))
    graph = Graph((block,), {**graph.values, "t": Value("t", 6)}, {**graph.constants, "matrix": matrix})
    x = rng.uniform(-0.5, 0.5, (20, 50, 6))
    nearest_weights, calibrated_weights = (_sqnr_of(graph, x, Precision(calibrated_weights=c)) for c in (False, True))
    assert calibrated_weights > nearest_weights, (nearest_weights, calibrated_weights)


def test_split_matrices_of_wide_rows_stay_within_the_accumulator() -> None:
    split = _sqnr(Precision(split_weights=True), 0, columns=300)
    assert _sqnr(Precision(split_weights=True, split_messages=True), 0, columns=300) > split + 8


def test_row_factors_of_wide_matrices_need_no_matrix_of_columns_squared(monkeypatch) -> None:
    """The error of a row's sum is that over the samples themselves, rows in turn: the same factors."""
    rng = np.random.default_rng(4)
    plain = Precision(calibrated_weights=False)
    matrix, inputs = rng.normal(size=(7, 30)), rng.normal(size=(12, 30))
    whole = row_factors(matrix, [30], inputs, plain)
    monkeypatch.setattr(matrices, "MOST_GRAM", 0)
    monkeypatch.setattr(row_factors_module, "TOGETHER", 60)
    assert np.array_equal(row_factors(matrix, [30], inputs, plain), whole)


def test_errors_are_spread_within_parts_of_the_columns(monkeypatch) -> None:
    rng = np.random.default_rng(5)
    matrix, inputs = rng.normal(size=(3, 10)) * 20, rng.normal(size=(40, 10))
    monkeypatch.setattr(matrices, "MOST_SPREAD", 4)
    parts = calibrated(matrix, input_spread(inputs), 127)
    alone = [calibrated(matrix[:, a:b], input_spread(inputs[:, a:b]), 127) for a, b in ((0, 4), (4, 8), (8, 10))]
    assert np.array_equal(parts, np.concatenate(alone, axis=1))
