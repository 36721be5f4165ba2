"""The slope of an op that has no rule of its own: that of all its operands together, as the others' rules say."""

from __future__ import annotations

import numpy as np
import pytest
from toy_op import shrink

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Apply, Div, Elementwise, Max, Min, Mul, Select, Sub
from compiler.interpreters.execution import Frame
from compiler.interpreters.float64 import KERNELS
from compiler.quantize.retention import SLOPES, SlopePoint, _nudged

EMPTY = Graph((), {}, {}, ())
VALUES = {"a": np.array([[0.5], [-1.0], [2.0]]), "b": np.array([[2.0], [3.0], [-1.5]]), "one": np.ones((1, 1))}
SLOPE = {"a": np.array([[0.25], [1.0], [-0.5]]), "b": np.array([[0.5], [0.125], [1.0]])}
OPS = [
    *(kind("y", "a", "b") for kind in (Add, Sub, Mul, Div, Min, Max)),
    Apply("y", "a", "sigmoid"),
    Select("y", "one", "a", "b"),
]


def point(op: Elementwise) -> SlopePoint:
    return SlopePoint(EMPTY, VALUES, SLOPE, KERNELS(op, EMPTY)(Frame(VALUES, np.zeros(()))))


@pytest.mark.parametrize("op", OPS, ids=lambda op: type(op).__name__)
def test_it_is_what_the_rule_of_an_op_says(op: Elementwise):
    at = point(op)
    assert np.allclose(_nudged(op, at), SLOPES(op, at), atol=1e-4)


def test_an_op_from_elsewhere_has_one_beside_its_jumps_too():
    op = shrink.Shrink("y", "a", "one")
    assert np.allclose(SLOPES(op, point(op)), [[0.0], [0.0], [-0.5]], atol=1e-4)  # -1 is at the limit
