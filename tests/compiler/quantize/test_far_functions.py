"""Element functions whose arguments all lie far to one side, where the result is small and its half is not."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from compiler.functions import FUNCTIONS
from compiler.graph import Graph, Value, ops
from compiler.graph.graph import Block
from compiler.graph.integers import IntegerGraph
from compiler.interpreters.float64 import run_float
from compiler.interpreters.reference import run_reference
from compiler.quantize.precision import precision_for
from compiler.quantize.to_integers import quantize
from hw_models.arrays import Floats
from hw_models.chip import load_chip
from hw_models.errors import QuantizeError

SIZE = 3


def far(function: str, offset: float) -> Graph:
    """y = function(x + offset), for x near 0."""
    constants = {"one": np.ones(SIZE), "zero": np.zeros(SIZE), "offset": np.full(SIZE, offset)}
    body = (
        ops.Input("x", "one", "zero"),
        ops.Add("moved", "x", "offset"),
        ops.Apply("y", "moved", function),
        ops.Output("y", "one", "zero"),
    )
    return Graph((Block("all", body),), {n: Value(n, SIZE) for n in ("x", "moved", "y")}, constants)


@pytest.mark.parametrize("chip", ["loihi2", "ideal"])
@pytest.mark.parametrize("offset", [-30.0, -3.0, 40.0])
@pytest.mark.parametrize("function", ["sigmoid", "softplus", "silu", "gelu", "gelu_tanh", "tanh", "elu"])
def test_far_arguments(function, offset, chip):
    assert function in FUNCTIONS
    target, graph = load_chip(chip), far(function, offset)
    x = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 8, SIZE))
    integer = quantize(graph, list(x), target, precision_for(target))
    assert np.abs(in_integers(integer, x) - run_float(graph, x).outputs).max() < 1e-4


def in_integers(integer: IntegerGraph, x: Floats) -> Floats:
    """What the integers answer to `x`, in real units."""
    samples = integer.input_format.quantize(integer.input_map(x))[0]
    return integer.output_map(run_reference(integer, samples).outputs * 2.0**-integer.output_fraction)


def test_a_root_of_what_its_format_holds_below_0():
    """Ranges have a margin, and channels share a format: neither is a value that the root is taken of."""
    target, graph = load_chip("loihi2"), far("sqrt", 1.0)
    x = np.random.default_rng(0).uniform(-0.99, 0.99, (2, 40, SIZE))
    assert np.abs(in_integers(quantize(graph, list(x), target, precision_for(target)), x) - np.sqrt(1 + x)).max() < 0.02


@pytest.mark.parametrize("chip", ["loihi2", "ideal"])
def test_a_function_that_is_not_finite_is_named_with_its_line(chip):
    target, graph = load_chip(chip), far("exp", 0.0)
    graph = replace(graph, values={**graph.values, "y": Value("y", SIZE, lines=("model.py:3",))})
    with pytest.raises(QuantizeError, match="not finite") as told, np.errstate(over="raise", invalid="raise"):
        quantize(graph, [np.linspace(-300, 300, 30).reshape(10, SIZE)], target, precision_for(target))
    assert told.value.where == "y; model.py:3" and re.match(r"arguments -7\d\d.* to 7\d\d", told.value.numbers)
