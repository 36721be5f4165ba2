"""Roots and logarithms of what spans many octaves: the error is a part of the result, however small that is."""

import numpy as np
import pytest

from compiler.graph import Block, Graph, Value
from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Apply, Input, Mul, Op, Output
from compiler.interpreters.float64 import run_float
from compiler.interpreters.reference import run_reference
from compiler.quantize.precision import precision_for
from compiler.quantize.to_integers import quantize
from hw_models.chip import load_chip


def of_a_square(*functions: Op) -> Graph:
    """Functions of x * x: a square has twice the octaves of its operand, and is 0 or above."""
    ops = Input("x", "one", "zero"), Mul("square", "x", "x"), *functions, Output("y", "one", "zero")
    values = {op.result: Value(op.result, 1) for op in ops if op.result}
    constants = {"one": np.ones(1), "zero": np.zeros(1), "exponent": np.array([-0.4])}
    return Graph((Block("all", ops),), values, constants, ())


def both(chip: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, IntegerGraph]:
    graph = of_a_square(Apply("y", "square", "sqrt"))
    integers = quantize(graph, list(x), load_chip(chip), precision_for(load_chip(chip)))
    entering = np.floor(integers.input_map(x) * 2.0**integers.input_format.fraction + 0.5).astype(np.int64)
    lsb = 2.0**-integers.output_fraction * integers.output_map.scale
    return run_float(graph, x).outputs, run_reference(integers, entering).outputs * lsb, integers


@pytest.mark.parametrize("chip", ["loihi2", "ideal", "spinnaker2"])
def test_a_root_is_precise_in_every_octave(chip):
    x = np.geomspace(2.0**-6, 1.0, 4001)[None, :, None]
    expected, y, _ = both(chip, x)
    error = np.abs(y / expected - 1)[0, :, 0]  # the square's last bit is 2^-8 of it in the lowest octave
    assert error.max() < 4e-3 and error[2000:].max() < 6e-4


def test_the_root_of_0_is_0():
    _, y, integers = both("loihi2", np.linspace(-1, 1, 2001)[None, :, None])
    assert y.min() == 0.0 == y[0, 1000, 0]
    assert any(name.endswith(".octave") for name in integers.values)


def test_few_octaves_need_none_of_this():
    ops = (Input("x", "one", "three"), Apply("y", "x", "sqrt"), Output("y", "one", "zero"))
    constants = {"one": np.ones(1), "zero": np.zeros(1), "three": np.full(1, 3.0)}
    graph = Graph((Block("all", ops),), {n: Value(n, 1) for n in ("x", "y")}, constants, ())
    chip = load_chip("loihi2")
    integers = quantize(graph, [np.linspace(-1, 1, 101)[:, None]], chip, precision_for(chip))
    assert not any("octave" in name for name in integers.values)


def test_a_power_whose_logarithm_reaches_into_the_next_octave_gets_a_bit_less():
    """Its bound, just below 2, would fill the word; the logarithm begins at an octave, where it is above."""
    power = Apply("log", "square", "log"), Mul("times", "log", "exponent"), Apply("y", "times", "exp")
    graph, chip, x = of_a_square(*power), load_chip("loihi2"), np.linspace(1.3, 6, 200)[None, :, None]
    net = quantize(graph, list(x), chip, precision_for(chip))
    assert net.format("y").fraction == 21
