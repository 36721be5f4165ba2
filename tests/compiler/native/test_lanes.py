"""Machine code sample by sample, all lanes at a time: what the listings of the mapped network do."""

from __future__ import annotations

import numpy as np
import pytest
from graph_strategies import integer_graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from liquid_graphs import ltc, mixed_memory

from compiler.mapping.mapper import map_network
from compiler.mapping.options import Options, Overlap
from compiler.native.lanes import NativeLanes
from compiler.ranges.proven import facts_of
from compiler.running.extra import NATIVE
from compiler.simulator.machine import Machine
from hw_models.chip import load_chip
from hw_models.errors import GraphError

pytestmark = pytest.mark.skipif(bool(NATIVE.missing()), reason="llvmlite is not installed")
ALONE, SAMPLES = Options(Overlap.NONE, merged=False), 7


def agree(graph, lanes: int, interval: int | None, seed: int = 0) -> None:
    """Outputs and states, with resets, from given states, and from others set between two samples."""
    rng = np.random.default_rng(seed)
    mapped = map_network(graph, load_chip("loihi2"), interval, ALONE)
    sizes = {name: p.size for p in mapped.populations for name in p.states}
    first, other = ({n: rng.integers(-100, 100, (size, lanes)) for n, size in sizes.items()} for _ in range(2))
    machine, code = Machine(mapped, lanes, first), NativeLanes(facts_of(graph), lanes, first, interval)
    for number in range(SAMPLES):
        if number == 3:
            machine.set_states(other)
            code.set_states(other)
        x = rng.integers(-1000, 1000, (mapped.input_size, lanes))
        assert np.array_equal(machine.sample(x), code.sample(x)), f"sample {number}"
        for name in sizes:
            assert np.array_equal(machine.states[name], code.states[name]), f"{name} after sample {number}"


@pytest.mark.parametrize("lanes", [1, 2, 5, 70])
@pytest.mark.parametrize("interval", [None, 1, 2, 5])
def test_lanes_and_resets(lanes, interval):
    agree(ltc(1, units=4, alike=True), lanes, interval)


def test_several_states():
    agree(mixed_memory(), 3, 4)


@settings(max_examples=5, deadline=None)
@given(integer_graphs(), st.integers(0, 2**32 - 1))
def test_any_graph(graph, seed):
    agree(graph, 3, 3, seed)


def test_what_is_no_word_of_the_network_is_refused():
    """What would be another number in machine code."""
    code = NativeLanes(facts_of(ltc()), 3, {})
    with pytest.raises(GraphError, match="beyond the words"):
        code.sample(np.full((8, 3), 2**40))
