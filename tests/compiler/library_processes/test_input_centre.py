"""Inputs on their way to library processes: less their middle where they are far from 0, all in one range."""

from __future__ import annotations

import numpy as np
import pytest
from library_graphs import Recorder

from compiler.graph.graph import Graph
from compiler.graph.ops import MatVec
from compiler.interpreters.float64 import run_float
from compiler.library_processes.input_centre import centre

RNG = np.random.default_rng(0)


def linear() -> Graph:
    r = Recorder()
    x, y = r.input(2), r.value("y", 3)
    r.ops.append(MatVec(y, (x,), r.constant("m", RNG.normal(size=(3, 2)))))
    r.output(r.apply(y, "tanh"))
    r.close("step")
    return r.graph()


@pytest.mark.parametrize(
    ("low", "high"),
    [([0.0, 0.0], [10.0, 0.1]), ([500.0, -0.1], [501.0, 0.0]), ([1e6, -1e-3], [1.1e6, -0.9e-3])],
)
def test_what_enters_fills_one_range_and_means_the_same(low: list[float], high: list[float]) -> None:
    graph, x = linear(), RNG.uniform(low, high, (4, 50, 2))
    x[0, :2] = low, high
    made = centre(graph, list(x))
    entering = made.input_map(x)
    assert np.abs(entering).max(axis=(0, 1)) == pytest.approx([1.0, 1.0], abs=1e-9)
    assert np.allclose(run_float(made, x).outputs, run_float(graph, x).outputs, atol=1e-9)


def test_inputs_that_are_alike_and_around_0_stay() -> None:
    graph, x = linear(), RNG.uniform([-1.0, 0.0], [1.0, 7.9], (4, 500, 2))
    x[0, :2] = [-1.0, 0.0], [1.0, 7.9]
    assert centre(graph, list(x)) is graph
    assert centre(graph, list(x * [1.0, 1.1])) is not graph
