"""`with_scaled_inputs` and products of the input with other values."""

import numpy as np
import pytest

from compiler.graph.graph import Block, Graph, State, Value
from compiler.graph.ops import Apply, Gather, Input, Max, Mul, Output, StateRead, StateWrite
from compiler.graph.validate import validate
from compiler.interpreters.float64 import run_float
from compiler.rewrite.rescale import with_scaled_inputs
from compiler.rewrite.scale_propagation import View


def graph(*ops, sizes, constants, states=()):
    values = {name: Value(name, size) for name, size in sizes.items()}
    return validate(Graph((Block("input", tuple(ops)),), values, constants, states))


def maps(features, outputs):
    return {
        "one": np.ones(features), "zero": np.zeros(features),
        "ones": np.ones(outputs), "zeros": np.zeros(outputs),
    }  # fmt: skip


def test_a_channel_of_magnitude_one_that_meets_a_function():
    """It is in its units already; looking for others must come to an end."""
    made = graph(
        Input("x", "one", "zero"), Apply("y", "x", "tanh"), Output("y", "ones", "zeros"),
        sizes={"x": 2, "y": 2}, constants=maps(2, 2),
    )  # fmt: skip
    assert with_scaled_inputs(made, np.array([1.0, 1.0])) is made
    x = np.random.default_rng(0).normal(size=(2, 4, 2))
    assert np.array_equal(
        run_float(with_scaled_inputs(made, np.array([3.0, 1.0])), x).outputs, run_float(made, x).outputs
    )


def test_a_limited_channel_times_a_state_is_scaled():
    """A time span is limited from below and multiplied by what the cell computes."""
    made = graph(
        Input("x", "one", "zero"), Gather("raw", ("x",), "last"), Max("elapsed", "raw", "least"),
        StateRead("h", "s"), Mul("y", "elapsed", "h"), Apply("next", "y", "tanh"), StateWrite("s", "next"),
        Output("next", "ones", "zeros"),
        sizes={"x": 2, "raw": 1, "elapsed": 1, "h": 1, "y": 1, "next": 1},
        constants={**maps(2, 1), "last": np.array([1]), "least": np.array([5.0]), "start": np.array([0.7])},
        states=(State("s", 1, "start"),),
    )  # fmt: skip
    scaled = validate(with_scaled_inputs(made, np.array([1.0, 1000.0])))
    source = scaled.entry
    assert np.allclose(scaled.constants[source.scale], [1.0, 1e-3])
    x = np.random.default_rng(0).uniform(0.0, 1000.0, size=(2, 4, 2)) * np.array([1.0, 0.01])
    assert np.allclose(run_float(scaled, x).outputs, run_float(made, x).outputs, rtol=1e-12)


def test_limits_of_which_one_is_0_take_the_factors_up():
    """A channel's limit is scaled with it; one of 0 stays."""
    made = graph(
        Input("x", "one", "zero"), Max("limited", "x", "least"), StateRead("h", "s"), Mul("y", "limited", "h"),
        Apply("next", "y", "tanh"), StateWrite("s", "next"), Output("next", "ones", "zeros"),
        sizes={n: 2 for n in ("x", "limited", "h", "y", "next")},
        constants={**maps(2, 2), "least": np.array([0.0, 5.0]), "start": np.array([0.7, 0.3])},
        states=(State("s", 2, "start"),),
    )  # fmt: skip
    scaled = validate(with_scaled_inputs(made, np.array([10.0, 1000.0])))
    assert np.allclose(scaled.constants[scaled.entry.scale], [0.1, 1e-3])
    x = np.random.default_rng(0).uniform(-10.0, 10.0, size=(2, 4, 2))
    assert np.allclose(run_float(scaled, x).outputs, run_float(made, x).outputs, rtol=1e-12)


def test_a_channel_times_a_constant_needs_no_other_factor():
    made = graph(
        Input("x", "one", "zero"), Mul("y", "x", "factor"), Apply("z", "y", "tanh"), Output("z", "ones", "zeros"),
        sizes={"x": 2, "y": 2, "z": 2}, constants={**maps(2, 2), "factor": np.array([0.3, 0.002])},
    )  # fmt: skip
    scaled = validate(with_scaled_inputs(made, np.array([10.0, 1000.0])))
    (product,) = [op for _, op in scaled.ops() if isinstance(op, Mul)]
    assert scaled.constants[product.b] == pytest.approx([3.0, 2.0])


@pytest.mark.parametrize("unit", [0.0, np.inf, -np.inf, np.nan])
def test_a_unit_that_is_no_factor_is_none(unit: float) -> None:
    """A row of zeros, or one that overflows, leaves its value in the units that it has."""
    made = graph(
        Input("x", "one", "zero"), Mul("y", "x", "factor"), Mul("z", "y", "factor"), Output("z", "ones", "zeros"),
        sizes={"x": 2, "y": 2, "z": 2}, constants={**maps(2, 2), "factor": np.array([2.0, 3.0])},
    )  # fmt: skip
    assert View(made).absorb("y", np.array([4.0, 5.0]), {}) is not None
    assert View(made).absorb("y", np.array([4.0, unit]), {}) is None


@pytest.mark.parametrize("least", [[5.0, 5.0], [0.0, 5.0]])
def test_far_channels_meet_a_limit_in_their_own_units(least: list[float]) -> None:
    """Their factors are undone in front of it, also where one of the limits is 0."""
    made = graph(
        Input("x", "one", "zero"), Max("limited", "x", "least"), Apply("y", "limited", "tanh"),
        Output("y", "ones", "zeros"),
        sizes={"x": 2, "limited": 2, "y": 2}, constants={**maps(2, 2), "least": np.array(least)},
    )  # fmt: skip
    scaled = validate(with_scaled_inputs(made, np.array([1.0, 1000.0])))
    assert np.allclose(scaled.constants[scaled.entry.scale], [1.0, 1e-3])
    (limit,) = [op for _, op in scaled.ops() if isinstance(op, Max)]
    assert isinstance(scaled.makers[limit.a], Mul) and np.array_equal(scaled.constants[limit.b], least)
    x = np.random.default_rng(0).uniform(-10.0, 10.0, size=(2, 4, 2))
    assert np.allclose(run_float(scaled, x).outputs, run_float(made, x).outputs, rtol=1e-12)
