"""Each pass, and all of them together, keep the function of random graphs and the rules of a graph."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from compiler.graph.graph import Graph
from compiler.graph.ops import Div, MatVec
from compiler.graph.validate import validate
from compiler.interpreters.float64 import run_float
from compiler.rewrite import PASSES, extract_row_scales, simplify
from compiler.rewrite.extract_row_scales import largest
from compiler.rewrite.rescale import with_normalised_quotients, with_scaled_inputs

sys.path.insert(0, str(Path(__file__).parent))
from float_graphs import random_graph

seeds = st.integers(0, 2**32 - 1)
phases = (Phase.explicit, Phase.reuse, Phase.generate)  # a seed does not shrink


def assert_same(a: Graph, b: Graph, seed: int) -> None:
    """Same outputs, and the same states where they keep their names."""
    features = a.size(a.entry.out)
    x = np.random.default_rng(seed).normal(size=(2, 4, features))
    first, second = run_float(a, x), run_float(b, x)
    assert np.allclose(first.outputs, second.outputs, rtol=1e-9, atol=1e-9)
    for name in first.states.keys() & second.states.keys():
        assert np.allclose(first.states[name], second.states[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("one", PASSES, ids=lambda p: p.__name__)
@settings(deadline=None, max_examples=25, phases=phases)
@given(seed=seeds)
def test_one_pass(one, seed: int) -> None:
    graph = random_graph(seed)
    assert_same(graph, validate(one(graph), after=one.__name__), seed)


@settings(deadline=None, max_examples=100, phases=phases)
@given(seed=seeds)
def test_all_passes(seed: int) -> None:
    graph = random_graph(seed)
    simple, _ = simplify(graph)
    assert_same(graph, simple, seed)
    assert simplify(simple)[0] is simple


@settings(deadline=None, max_examples=60, phases=phases)
@given(seed=seeds)
def test_units(seed: int) -> None:
    graph, _ = simplify(random_graph(seed))
    rng = np.random.default_rng(seed)
    upper = {op.b: rng.uniform(0.5, 3, graph.size(op.b)) for _, op in graph.ops() if isinstance(op, Div)}
    source = graph.entry
    scaled = validate(with_normalised_quotients(graph, upper), after="normalise_quotients")
    assert_same(graph, scaled, seed)
    scaled = validate(with_scaled_inputs(scaled, rng.uniform(0.5, 3, graph.size(source.out))), after="scale_inputs")
    assert_same(graph, scaled, seed)
    scaled = validate(extract_row_scales(scaled, lambda op, matrix: 2 * largest(op, matrix)), after="row scales")
    assert_same(graph, scaled, seed)
    for _, op in scaled.ops():
        if isinstance(op, MatVec):
            found = np.abs(scaled.constants[op.matrix]).max(axis=1, initial=0.0)
            assert np.allclose(found[found > 0], 0.5)
