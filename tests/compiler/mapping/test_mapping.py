"""Hand-made graphs of the shapes that real cells have: how they are mapped, and that they compute the same."""

from __future__ import annotations

import numpy as np
import pytest
from graph_strategies import SMALL, Builder
from liquid_graphs import gru, ltc, many, mixed_memory

from benchmarks.fuzz.mapped import assert_mapped_equals
from compiler.assembly import code_instructions, executed_instructions
from compiler.graph import Graph, ops
from compiler.mapping import MappedNetwork, Options, Overlap, Port, map_network
from hw_models.chip import load_chip
from hw_models.errors import ChipError, InputError

CHIP = load_chip("loihi2")
ALONE = Options(Overlap.NONE)


def assert_equal(graph: Graph, net: MappedNetwork, samples: int = 4, lanes: int = 3, interval: int = 0) -> None:
    """With random inputs up to the extremes."""
    x = np.random.default_rng(5).integers(-SMALL, SMALL + 1, (lanes, samples, net.input_size))
    assert_mapped_equals(graph, net, x, interval or None)


def test_ltc_takes_two_ticks_a_sub_step():
    graph = ltc()
    net = map_network(graph, CHIP)
    assert [p.size for p in net.populations] == [40, 19, 47]
    assert {len(c.weights) for c in net.connections} == {40, 47, 3}
    assert (net.ticks_per_sample, net.latency) == (12, 14)
    assert all(c.delay == 0 for c in net.connections)
    assert_equal(graph, net)


def test_a_sample_alone_takes_its_latency():
    graph = ltc()
    net = map_network(graph, CHIP, options=ALONE)
    assert net.ticks_per_sample == net.latency == 14
    assert not net.overlaps
    assert_equal(graph, net)


def test_off_ticks_cost_little():
    population = map_network(ltc(), CHIP, options=ALONE).populations[0]
    executed = executed_instructions(population.listing, 14)
    assert sorted(executed)[-1] == executed[1] < code_instructions(population.listing)
    assert sorted(executed)[-3] <= 5 and executed[0] <= 7


@pytest.mark.parametrize("unfolds", [1, 2, 5])
def test_ltc_of_any_unfolds(unfolds):
    graph = ltc(unfolds, units=5)
    net = map_network(graph, CHIP)
    assert net.ticks_per_sample == max(3, 2 * unfolds)
    assert net.latency == 2 + 2 * unfolds
    assert_equal(graph, net)


def test_gru_of_two_stages():
    graph = gru()
    net = map_network(graph, CHIP)
    assert sorted(p.size for p in net.populations) == [4, 6], "three sums: the input gets a gate of its own"
    assert_equal(graph, net)


def test_mixed_memory_takes_its_eight_sums_in_pairs():
    graph = mixed_memory()
    net = map_network(graph, CHIP)
    assert sorted(p.size for p in net.populations) == [3, 5, 9]
    assert all(p.sum_ports <= CHIP.sums and p.message_ports <= CHIP.messages for p in net.populations)
    assert {c.delay for c in net.connections} > {0}
    assert_equal(graph, net)


@pytest.mark.parametrize(("sums", "messages"), [(3, 1), (5, 3), (4, 5), (7, 7)])
@pytest.mark.parametrize("repeat", [1, 3])
def test_more_sums_and_messages_than_ports(sums, messages, repeat):
    graph = many(sums, messages, repeat)
    net = map_network(graph, CHIP)
    assert all(p.sum_ports <= 2 and p.message_ports <= 2 for p in net.populations)
    assert_equal(graph, net)


def test_states_that_swap_in_one_block():
    b = Builder(5)
    b.state("a", [1, 2])
    b.state("b", [3, 4])
    one, two = b.read("a"), b.read("b")
    b.write("a", two)
    b.write("b", one)
    b.output(b.add(b.add(one, b.minimum(two, one)), b.input(2)))
    b.block("all", 1)
    graph = b.graph()
    assert_equal(graph, map_network(graph, CHIP), samples=3)


def test_output_of_the_input_is_silent_between_samples():
    b = Builder(6)
    b.output(b.gather([b.input(3)], [2, 0]))
    b.block("all")
    graph = b.graph()
    assert_equal(graph, map_network(graph, CHIP))


def test_chains_of_maps_are_composed_or_relayed():
    b = Builder(7)
    x = b.rescale(b.input(4), 6, -300, 300)
    inner = b.mat_vec([x], b.rng.integers(-3, 4, (4, 4)))
    b.output(b.add(b.mat_vec([inner], b.rng.integers(-9, 9, (4, 4))), b.constant([1])))
    b.block("all")
    composed = map_network(b.graph(), CHIP)
    assert len(composed.populations) == 2
    assert_equal(b.graph(), composed)
    b = Builder(8)
    x = b.rescale(b.input(4), 10, -20, 20)
    inner = b.mat_vec([x], b.rng.integers(100, 255, (4, 4)))
    b.output(b.add(b.mat_vec([inner], b.rng.integers(10, 20, (4, 4))), b.constant([1])))
    b.block("all")
    relayed = map_network(b.graph(), CHIP)
    assert len(relayed.populations) == 3
    assert max(c.weights.max() for c in relayed.connections) <= CHIP.weight_high
    assert_equal(b.graph(), relayed)


@pytest.mark.parametrize("repeat", [1, 2])
def test_a_constant_beside_a_value_is_a_bias(repeat):
    b = Builder(11)
    b.state("s", [5, -5])
    x = b.rescale(b.input(3), 2, -200, 200)
    b.block("input")
    joined = b.gather([x, b.constant([30, -40])], [4, 0, 3, 2, 1])
    alone = b.gather([b.constant([7, 8])], [1, 0])
    total = b.add(b.mat_vec([joined], b.rng.integers(-20, 20, (2, 5))), b.add(b.read("s"), alone))
    b.write("s", b.rescale(total, 1, -SMALL, SMALL))
    b.block("loop", repeat)
    b.output(b.gather([b.read("s"), b.constant([9])], [2, 1, 0]))
    b.block("output")
    graph = b.graph()
    assert_equal(graph, map_network(graph, CHIP))


def test_an_output_of_constants_alone():
    b = Builder(12)
    b.output(b.gather([b.constant([3, 0, 4])], [2, 1, 0, 0]))
    b.input(2)
    b.block("all")
    net = map_network(b.graph(), CHIP)
    assert [(p.sum_ports, p.message_ports) for p in net.populations] == [(0, 1)]
    assert_equal(b.graph(), net)


def test_a_connection_has_one_sign():
    net = map_network(gru(), CHIP)
    assert all(np.all(c.weights > 0) or np.all(c.weights < 0) for c in net.connections)


def test_the_output_has_a_message_port_of_its_own():
    for graph in (ltc(), gru(), mixed_memory()):
        net = map_network(graph, CHIP)
        ports = {c.source for c in net.connections if c.target == Port(None)}
        assert len(ports) == 1
        assert not any(c.source in ports for c in net.connections if c.target != Port(None))


def test_names_of_populations_are_unique_and_the_states_own():
    net = map_network(mixed_memory(), CHIP)
    assert len({p.name for p in net.populations}) == len(net.populations)
    assert {p.state for p in net.monitors} == {"ltc.v", "lstm.c"}
    assert next(p for p in net.populations if p.states).name in ("ltc.v", "lstm.c")


def test_what_cannot_be_mapped_is_refused():
    with pytest.raises(InputError, match="at least 1 sample"):
        map_network(ltc(1, 4), CHIP, reset_interval=0)
    b = Builder(9)
    b.output(b.add(b.mat_vec([b.rescale(b.input(2), 12, -8, 8)], [[256, 1]]), b.constant([0])))
    b.block("all")
    with pytest.raises(ChipError, match="weight of 256"):
        map_network(b.graph(), CHIP)
    b = Builder(10)
    x = b.input(2)
    b.ops.append(ops.Divide(b.value(2, -9, 9, "q"), x, b.constant([3, 4]), 0))
    b.output("q")
    b.block("all")
    with pytest.raises(ChipError, match="no instruction for Divide"):
        map_network(b.graph(), CHIP)
