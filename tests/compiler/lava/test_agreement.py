"""Random integer graphs, mapped: Lava returns what the reference returns, for outputs and states at every sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from graph_strategies import integer_graphs
from liquid_graphs import cfc, ltc, mixed_memory, stack

from compiler.graph import Graph
from compiler.interpreters.execution import Execution
from compiler.interpreters.reference import run_reference
from compiler.lava.processes.fused import FusedNet
from compiler.lava.processes.nets import MappedNet
from compiler.lava.run import run_lava
from compiler.mapping import MappedNetwork, Options, Overlap, map_network
from hw_models.chip import load_chip

pytestmark = pytest.mark.timeout(240)
CHIP = load_chip("loihi2")
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def inputs(graph: Graph, seed: int, batch: int, time: int) -> np.ndarray:
    features = map_network(graph, CHIP).input_size
    return np.random.default_rng(seed).integers(-(2**15) + 1, 2**15, (batch, time, features))


def map_for(graph: Graph, overlap: Overlap) -> Callable[[int | None], MappedNetwork]:
    return lambda reset_interval: map_network(graph, CHIP, reset_interval, Options(overlap))


def assert_equal(run: Execution, reference: Execution) -> None:
    assert np.array_equal(run.outputs, reference.outputs)
    assert run.states.keys() == run.final.keys() == reference.states.keys()
    for name, states in reference.states.items():
        assert np.array_equal(run.states[name], states), name
        assert np.array_equal(run.final[name], reference.final[name]), name


@settings(max_examples=6, deadline=None, suppress_health_check=SLOW)
@given(integer_graphs(), st.integers(0, 2**32 - 1), st.sampled_from(Overlap))
def test_mapped_equals_the_reference(graph: Graph, seed: int, overlap: Overlap) -> None:
    x = inputs(graph, seed, batch=2, time=3)
    assert_equal(run_lava(map_for(graph, overlap), x, None, fused=False), run_reference(graph, x))


@pytest.mark.parametrize(
    ("graph", "overlap"),
    [
        (ltc(2, units=4, alike=True), Overlap.BLOCKS),
        (ltc(1, units=4, alike=True), Overlap.BLOCKS),  # in one population
        (cfc(2), Overlap.LAYERS),
        (stack((2, 1)), Overlap.LAYERS),
        (mixed_memory(), Overlap.BLOCKS),
    ],
)
def test_liquid_cells_and_stacks(graph: Graph, overlap: Overlap) -> None:
    """Two sequences in one graph, with a reset between; then from the states where they ended."""
    x = inputs(graph, 1, batch=2, time=3)
    reference = run_reference(graph, x)
    assert_equal(run_lava(map_for(graph, overlap), x), reference)
    again = run_lava(map_for(graph, overlap), x[:1], {n: s[:1] for n, s in reference.final.items()})
    assert_equal(again, run_reference(graph, x[:1], {n: s[:1] for n, s in reference.final.items()}))


def test_where_samples_overlap_a_state_cannot_be_set_between_them() -> None:
    graph = ltc(2, units=4)
    for overlap in (Overlap.NONE, Overlap.BLOCKS):
        net = MappedNet(network=map_for(graph, overlap)(None))
        assert net.state_vars["rnn.v"].settable == (overlap is Overlap.NONE)
        assert net.state_ticks == {"rnn.v": 5}
    with pytest.raises(LavaError, match="samples overlap"):
        net.state_vars["rnn.v"].set([1, 2, 3, 4])
    with pytest.raises(LavaError, match="in one tick each"):
        FusedNet(network=map_for(graph, Overlap.BLOCKS)(None))


@settings(max_examples=10, deadline=None, suppress_health_check=SLOW)
@given(integer_graphs(), st.integers(0, 2**32 - 1))
def test_fused_equals_the_reference(graph: Graph, seed: int) -> None:
    x = inputs(graph, seed, batch=3, time=4)
    assert_equal(run_lava(map_for(graph, Overlap.NONE), x, None, fused=True), run_reference(graph, x))


@settings(max_examples=3, deadline=None, suppress_health_check=SLOW)
@given(integer_graphs(), st.integers(0, 2**32 - 1), st.booleans())
def test_the_state_can_be_handed_on_between_executors(graph: Graph, seed: int, fused: bool) -> None:
    x = inputs(graph, seed, batch=2, time=4)
    overlap = Overlap.NONE if fused else Overlap.LAYERS
    first = run_reference(graph, x[:, :2])
    second = run_lava(map_for(graph, overlap), x[:, 2:], first.final, fused=fused)
    assert_equal(second, run_reference(graph, x[:, 2:], first.final))
