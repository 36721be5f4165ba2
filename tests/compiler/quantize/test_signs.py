"""What is proven of a value's sign holds in integers, so that functions of it are tabulated no further."""

import warnings

import numpy as np
import pytest

from compiler.graph import Block, Graph, Value
from compiler.graph.ops import Add, Apply, Div, Input, Max, Mul, Op, Output
from compiler.interpreters.float64 import run_float
from compiler.interpreters.reference import run_reference
from compiler.quantize.precision import Precision
from compiler.quantize.to_integers import quantize
from hw_models.chip import load_chip

CONSTANTS = {"one": np.ones(1), "zero": np.zeros(1), "minus": -np.ones(1), "guard": np.array([1e-8])}


def _graph(*ops: Op, **constants: float) -> Graph:
    whole: list[Op] = [Input("x", "one", "zero"), *ops, Output("y", "one", "zero")]
    values = {op.result: Value(op.result, 1) for op in whole if op.result is not None}
    return Graph((Block("all", tuple(whole)),), values, CONSTANTS | {n: np.array([c]) for n, c in constants.items()})


def _error_db(graph: Graph, x: np.ndarray) -> float:
    integers = quantize(graph, list(x), load_chip("loihi2"), Precision())
    sent, _ = integers.input_format.quantize(integers.input_map(x))
    got = integers.output_map(run_reference(integers, sent).outputs * 2.0**-integers.output_fraction)
    wanted = run_float(graph, x).outputs
    return float(10 * np.log10(np.var(wanted) / np.mean((wanted - got) ** 2)))


@pytest.mark.parametrize("steep", [6.0, 30.0, 300.0])
def test_a_radial_function_is_not_tabulated_above_0(steep: float) -> None:
    x = np.random.default_rng(0).normal(size=(2, 60, 1))
    square = _graph(Mul("s", "x", "x"), Mul("u", "s", "g"), Apply("y", "u", "exp"), g=-steep)
    opposite = _graph(Mul("n", "x", "minus"), Mul("s", "n", "x"), Mul("u", "s", "g"), Apply("y", "u", "exp"), g=steep)
    assert _error_db(square, x) > 45 and _error_db(opposite, x) > 45


def test_a_steep_decay_of_a_distance_makes_no_warning_of_numpys() -> None:
    x = np.random.default_rng(0).normal(size=(2, 60, 1))
    x[:, ::3] = 0.0
    ops = [Mul("n", "x", "minus"), Max("a", "x", "n"), Mul("u", "a", "g"), Apply("y", "u", "exp")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _error_db(_graph(*ops, g=-1e6), x) > 40


def test_a_guard_from_zero_costs_no_bits() -> None:
    x = np.random.default_rng(0).uniform(0.2, 2.0, (2, 60, 1)) * np.array([[[1.0]], [[-1.0]]])
    ops = [Mul("n", "x", "minus"), Max("a", "x", "n"), Add("d", "a", "guard"), Add("b", "x", "one"), Div("y", "b", "d")]
    assert _error_db(_graph(*ops), x) > 60
