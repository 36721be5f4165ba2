"""Events counted by hand on small networks, and what a repeated run sends."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from graph_strategies import SMALL, integer_graphs, random_graph
from hypothesis import example, given, settings

sys.path.insert(0, str(Path(__file__).parent))
from placement_networks import layers, split

from compiler.assembly import executed_instructions
from compiler.graph import Graph
from compiler.mapping import Options, Overlap, map_network
from compiler.mapping.mapped_network import MappedNetwork
from compiler.placement.events import Shares, count_events
from compiler.placement.placement import Placement
from compiler.placement.search import place
from hw_models.chip import load_chip
from hw_models.errors import ChipError

CHIP = load_chip("loihi2")


def test_events_of_two_layers_on_three_cores():
    """Three inputs to four neurons on two cores, these to two on a third; each layer sends one tick after the other."""
    assert CHIP.memory is not None
    net = layers(3, 4, 2)
    placed = Placement(net, CHIP, CHIP.memory, 18, split({"layer1": [3, 1], "layer2": [2]}), 3)
    events = count_events(placed)
    assert events.updates.tolist() == [[3, 1, 2]] * 3
    executed = executed_instructions(net.populations[0].listing, net.ticks_per_sample)[0]
    assert events.instructions.tolist() == [[3 * executed, executed, 2 * executed]] * 3
    assert events.synops.tolist() == [[9, 3, 0], [0, 0, 8], [0, 0, 0]]
    assert events.messages_in.tolist() == [[3, 3, 0], [0, 0, 4], [0, 0, 0]]
    assert events.messages_out.tolist() == [[0, 0, 0], [3, 1, 0], [0, 0, 2]]
    assert events.arriving.tolist() == events.messages_in.tolist()
    assert events.leaving.tolist() == events.messages_out.tolist()


def test_messages_within_a_core_do_not_travel():
    assert CHIP.memory is not None
    placed = Placement(layers(3, 4, 2), CHIP, CHIP.memory, 18, split({"layer1": [4]}) | {"layer2": np.zeros(2, int)}, 1)
    events = count_events(placed)
    assert events.messages_in[:, 0].tolist() == [3, 4, 0] and events.arriving[:, 0].tolist() == [3, 0, 0]
    assert events.messages_out[:, 0].tolist() == [0, 4, 2] and events.leaving[:, 0].tolist() == [0, 0, 2]


def test_shares_scale_what_is_sent_and_nothing_else():
    assert CHIP.memory is not None
    net = layers(3, 4, 2)
    placed = Placement(net, CHIP, CHIP.memory, 18, split({"layer1": [3, 1], "layer2": [2]}), 3)
    shares = {"x": np.zeros(3), "layer1": np.array([1.0, 0.5, 0.0, 0.25]), "layer2": np.zeros(2)}
    events, whole = count_events(placed, shares), count_events(placed)
    assert events.synops.tolist() == [[0, 0, 0], [0, 0, 3.5], [0, 0, 0]]
    assert events.messages_out.tolist() == [[0, 0, 0], [1.5, 0.25, 0], [0, 0, 0]]
    assert np.array_equal(events.updates, whole.updates) and np.array_equal(events.instructions, whole.instructions)


def test_activity_counts_what_is_sent_and_what_changed():
    pytest.importorskip("scipy", reason="needs the extra lava")
    from compiler.placement.activity import count_activity

    net = layers(2, 2, 1)
    one = replace(net.connections[0], rows=np.arange(2), columns=np.arange(2), weights=np.ones(2, np.int64))
    net = replace(net, connections=(one, *net.connections[1:]))  # neuron i adds up channel i
    x = np.array([[[5, 0], [5, 0], [0, 0], [7, 1]], [[5, 0], [5, 0], [0, 0], [7, 1]]])
    counted = count_activity(net, [(x, None)]).shares
    assert counted.sent["x"].tolist() == [0.75, 0.25]
    assert counted.unchanged["x"].tolist() == [0.25, 0.0]  # the second 5; 7 follows 0
    # 5 10 10 17, and 0 0 0 1
    assert counted.sent["layer1"].tolist() == [1.0, 0.25]
    assert counted.unchanged["layer1"].tolist() == [0.25, 0.0]
    halves = [count_activity(net, [(x[n : n + 1], None)]) for n in range(2)]
    assert halves[0].joined(halves[1]).shares.sent["x"].tolist() == [0.75, 0.25]
    assert count_activity(net, [(x[:1, :1], None)]).shares.sent["x"].tolist() == [1.0, 0.0]  # one sample


@given(integer_graphs())
@example(random_graph(926657, 4, 16, 1))  # a value shares another's port where layers overlap
@settings(max_examples=15, deadline=None)
def test_any_mapped_graph_is_placed_and_counted(graph: Graph):
    """A run sends at most what is possible: the same values however samples overlap, each to all its port reaches."""
    pytest.importorskip("scipy", reason="needs the extra lava")
    from compiler.placement.activity import count_activity

    try:
        apart = map_network(graph, CHIP, options=Options(Overlap.NONE))
    except ChipError:
        return  # a port too few
    x = np.random.default_rng(3).integers(-SMALL, SMALL, (2, 3, apart.input_size))
    shares = count_activity(apart, [(x, None)]).shares.sent
    for overlap in Overlap:
        network = map_network(graph, CHIP, options=Options(overlap))
        assert _sent(network) == _sent(apart)
        placed = place(network, CHIP)
        most, found = count_events(placed).totals(), count_events(placed, shares).totals()
        assert all(found[kind] <= most[kind] for kind in ("synops", "messages_in", "messages_out"))
        assert found["synops"] == pytest.approx(_synops(network, shares))


def _sent(network: MappedNetwork) -> list[str]:
    return sorted(value for ticks in network.sends.values() for value in ticks.values())


def _synops(network: MappedNetwork, shares: Shares) -> float:
    """Every synapse of a population on a port meets every message of that port."""
    return sum(
        shares[value][connection.columns[connection.weights != 0]].sum()
        for connection in network.connections
        if connection.target.population is not None
        for value in network.sends.get(connection.source, {}).values()
    )
