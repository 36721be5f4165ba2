"""Mapped networks, executed tick by tick, against the reference: the same integers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from graph_strategies import integer_graphs, random_graph
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.mapped import assert_mapped_equals
from compiler.graph import Graph
from compiler.interpreters.reference import run_reference
from compiler.mapping import Options, Overlap, map_network
from compiler.simulator.machine import Machine
from hw_models.chip import load_chip
from hw_models.errors import GraphError

CHIP = load_chip("loihi2")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    integer_graphs(), st.integers(0, 2**32 - 1), st.sampled_from([None, 1, 2]), st.sampled_from(Overlap), st.booleans()
)
def test_random_graphs_equal_the_reference(graph, seed, reset, overlap, handed_on):
    net = map_network(graph, CHIP, reset, Options(overlap))
    x = np.random.default_rng(seed).integers(-(2**15) + 1, 2**15, (2, 5, net.input_size))
    given_states = run_reference(graph, x).final if handed_on else None
    assert_mapped_equals(graph, net, x, reset, given_states)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(integer_graphs(), st.integers(0, 2**32 - 1))
def test_sample_by_sample(graph, seed):
    net = map_network(graph, CHIP, options=Options(Overlap.NONE))
    x = np.random.default_rng(seed).integers(-(2**15) + 1, 2**15, (2, 5, net.input_size))
    run, machine = run_reference(graph, x), Machine(net, lanes=2)
    for k in range(5):
        assert np.array_equal(machine.sample(x[:, k].T), run.outputs[:, k].T)
        for state in graph.states:
            assert np.array_equal(machine.states[state.name], run.states[state.name][:, k].T)


def test_a_sample_that_overlaps_the_next_is_refused():
    graph = next(g for g in map(partial(random_graph, blocks=3, length=8, states=1), range(99)) if overlapping(g))
    with pytest.raises(GraphError, match="when the next one has entered"):
        Machine(map_network(graph, CHIP)).sample(0)


def overlapping(graph: Graph) -> bool:
    return map_network(graph, CHIP).overlaps
