"""Element functions whose arguments all lie far to one side, where the result is small and its half is not."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.executors.float64 import run_float
from compiler.executors.reference import run_reference
from compiler.functions import FUNCTIONS
from compiler.graph import Graph, Value, ops
from compiler.graph.graph import Block
from compiler.quantize.precision import precision_for
from compiler.quantize.to_integers import quantize
from hw_models.chip import load_chip

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
@pytest.mark.parametrize("offset", [-30.0, -3.0])
@pytest.mark.parametrize("function", ["sigmoid", "softplus", "silu", "gelu", "gelu_tanh", "tanh", "elu"])
def test_far_arguments(function, offset, chip):
    assert function in FUNCTIONS
    target, graph = load_chip(chip), far(function, offset)
    x = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 8, SIZE))
    integer = quantize(graph, list(x), target, precision_for(target))
    entry = integer.entry
    form = integer.values[entry.out].format
    assert form is not None
    samples = form.quantize(x * integer.constants[entry.scale] + integer.constants[entry.offset])[0]
    end = integer.answer
    result = integer.values[end.x].format
    assert result is not None
    real = result.dequantize(run_reference(integer, samples).outputs)
    found = real * integer.constants[end.scale] + integer.constants[end.offset]
    assert np.abs(found - run_float(graph, x).outputs).max() < 1e-4
