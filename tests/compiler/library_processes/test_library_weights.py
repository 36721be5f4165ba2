"""Weights as Lava holds them: even, of 8 bits, two of them near the real one, hinges that add up to 0."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.library_processes.process_graph import BIAS_EXPONENT, CONSTANTS
from compiler.library_processes.weights import LEAST, MOST, bias_weights, split_weights


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-6, 1e6), twice=st.booleans(), hinges=st.booleans())
def test_weights_keep_lavas_rules_and_are_near(seed: int, scale: float, twice: bool, hinges: bool) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(3, 12)) * scale
    if hinges:
        matrix[:, -1] -= matrix.sum(axis=1)
    parts = split_weights(matrix, hinges, twice)
    assert 1 <= len(parts) <= (2 if twice else 1)
    for part in parts:
        assert part.integers.any() and np.all(part.integers % 2 == 0)
        assert LEAST <= part.integers.min() and part.integers.max() <= MOST
    total = sum(p.integers * 2.0**p.exponent for p in parts)
    step = np.abs(matrix).max() / (2**14 if twice else 2**6)
    assert np.abs(total - matrix).max() <= step * (1 + 1e-9)
    if hinges:
        assert np.all(total.sum(axis=1) == 0)


def test_a_matrix_of_zeros_has_no_connection() -> None:
    assert split_weights(np.zeros((2, 3)), hinges=False, twice=True) == ()


@settings(max_examples=60, deadline=None)
@given(bias=st.lists(st.integers(-127 * 2**14, 127 * 2**14), min_size=1, max_size=5))
def test_biases_are_exact(bias: list[int]) -> None:
    weights = bias_weights(np.array(bias), CONSTANTS)
    assert np.all(weights % 2 == 0) and LEAST <= weights.min() and weights.max() <= MOST
    assert np.array_equal((weights @ np.array(CONSTANTS)) * 2.0**BIAS_EXPONENT, bias)
