"""Mapped networks, executed tick by tick, against the reference: the same integers."""

from __future__ import annotations

import numpy as np
from graph_strategies import integer_graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.backends.lava.machine import Machine
from compiler.backends.reference import run_reference
from compiler.graph import Graph
from compiler.mapping import MappedNetwork, map_network
from hw_models.chip import load_chip

CHIP = load_chip("loihi2")


def assert_equal(graph: Graph, net: MappedNetwork, x: np.ndarray, reset: int | None = None, garbage: bool = False):
    """Outputs and states of every sample; x (batch, time, features). `garbage`: noise between the samples."""
    machine = Machine(net, lanes=x.shape[0])
    rng = np.random.default_rng(1)
    interval = reset or x.shape[1]
    runs = [run_reference(graph, x[:, k : k + interval]) for k in range(0, x.shape[1], interval)]
    outputs = np.concatenate([r.outputs for r in runs], axis=1)
    for k in range(x.shape[1]):
        if garbage:
            noise = rng.integers(-9999, 9999, (net.ticks_per_sample, *x[:, k].T.shape)).astype(np.int32)
            noise[0] = x[:, k].T
            sent = [machine.tick(n) for n in noise]
            result = sent[net.latency - 1]
            assert all(not np.any(s) for t, s in enumerate(sent) if t != net.latency - 1)
        else:
            result = machine.sample(x[:, k].T)
        assert np.array_equal(np.broadcast_to(result, outputs[:, k].T.shape), outputs[:, k].T), f"output of sample {k}"
        for state in graph.states:
            expected = runs[k // interval].states[state.name][:, k % interval].T
            assert np.array_equal(machine.states[state.name], expected), f"{state.name} after sample {k}"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(integer_graphs(), st.integers(0, 2**32 - 1), st.sampled_from([None, 1, 2]), st.booleans())
def test_random_graphs_equal_the_reference(graph, seed, reset, garbage):
    net = map_network(graph, CHIP, reset)
    x = np.random.default_rng(seed).integers(-(2**15) + 1, 2**15, (2, 5, net.input_size))
    assert_equal(graph, net, x, reset, garbage)
