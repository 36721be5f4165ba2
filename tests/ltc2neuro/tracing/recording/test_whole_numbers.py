"""How far whole numbers reach: exactly as far as what an op makes of the ends."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra torch")

from compiler.graph.builder import GraphBuilder
from compiler.graph.ops import Add, Gather, Max, Min, Mul, Op, Select, Sub
from compiler.graph.origin import Origin
from ltc2neuro.tracing.recording.whole_numbers import whole_reach

ENDS = [((-3, 4), (1, 2)), ((1, 2), (-3, 4)), ((5, 9), (-7, 7)), ((-8, -2), (-5, 3))]
PAIRS = {
    Add: lambda a, b: a + b,
    Sub: lambda a, b: a - b,
    Mul: lambda a, b: a * b,
    Min: min,
    Max: max,
}


def reach_of(op: Op, a: tuple[int, int], b: tuple[int, int]) -> tuple[float, float]:
    graph = GraphBuilder()
    for name, array in {"a": a, "b": b, "which": (0, 3), "condition": (0, 9)}.items():
        graph.constant(np.array(array), name)
    known = whole_reach(graph.append(lambda out: replace(op, out=out), 2, Origin("", "y")), graph, {})
    return float(known.low.min()), float(known.high.max())


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize(("a", "b"), ENDS)
def test_two_numbers_reach_as_far_as_their_ends(kind, a, b):
    results = [PAIRS[kind](x, y) for x, y in product(range(a[0], a[1] + 1), range(b[0], b[1] + 1))]
    assert reach_of(kind("y", "a", "b"), a, b) == (min(results), max(results))


@pytest.mark.parametrize(("a", "b"), ENDS)
def test_one_of_two_reaches_as_far_as_either(a, b):
    for op in (Select("y", "condition", "a", "b"), Gather("y", ("a", "b"), "which")):
        assert reach_of(op, a, b) == (min(a + b), max(a + b))
