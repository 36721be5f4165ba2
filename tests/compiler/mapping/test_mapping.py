"""Hand-made graphs of the shapes that real cells have: how they are mapped, and that they compute the same."""

from __future__ import annotations

import numpy as np
import pytest
from graph_strategies import SMALL, Builder
from mapped_check import assert_mapped_equals

from compiler.assembly import code_instructions, executed_instructions
from compiler.backends.reference import run_reference
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


def synapses(b: Builder, source: str, wired: int, targets: int) -> tuple[str, str]:
    """Wired synapses of an LTC: a sigmoid-like polynomial per synapse; returns their two sums per target."""
    index = b.rng.integers(0, b.size(source), wired)
    z = b.mul_shift(b.gather([source], index), b.constant(b.rng.integers(-900, 900, wired)), [10])
    z = b.narrow(b.add(z, b.constant(b.rng.integers(-900, 900, wired))))
    s = b.polynomial(z, 8, 3)
    both = [b.mul_shift(s, b.constant(b.rng.integers(-900, 900, wired)), [8]) for _ in range(2)]
    segment = b.rng.integers(0, targets, wired)
    return b.segment_sum(both[0], segment, targets), b.segment_sum(both[1], segment, targets)


def ltc(unfolds: int = 6, units: int = 19) -> Graph:
    """The shape of an AutoNCP(19, 1) on 8 inputs: 40 sensory synapses once, 47 recurrent ones in each sub-step."""
    b = Builder(1)
    b.state("rnn.v", b.rng.integers(-99, 99, units))
    v = layer(b, b.input(8), "rnn.v", unfolds)
    b.output(b.gather([v], np.arange(3)))
    b.block("output")
    return b.graph()


def layer(b: Builder, x: str, state: str, unfolds: int) -> str:
    """An LTC that reads `x`: a block of its input's synapses, or the rest of one, and its solver; returns the state."""
    units = next(s.size for s in b.states if s.name == state)
    once = synapses(b, x, 40, units)
    b.block(f"{state} input")
    v = b.read(state)
    n, d = (b.add(s, r) for s, r in zip(once, synapses(b, v, 47, units), strict=True))
    change = b.mul_shift(b.narrow(b.sub(n, d)), b.constant(b.rng.integers(1, 99, units)), [9])
    b.write(state, b.rescale(b.add(v, change), 0, -SMALL, SMALL))
    b.block(f"{state} solver", unfolds)
    return b.read(state)


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
    executed = [executed_instructions(population.listing, tick, 14) for tick in range(14)]
    assert sorted(executed)[-1] == executed[1] < code_instructions(population.listing)
    assert sorted(executed)[-3] <= 5 and executed[0] <= 7


@pytest.mark.parametrize("unfolds", [1, 2, 5])
def test_ltc_of_any_unfolds(unfolds):
    graph = ltc(unfolds, units=5)
    net = map_network(graph, CHIP)
    assert net.ticks_per_sample == max(3, 2 * unfolds)
    assert net.latency == 2 + 2 * unfolds
    assert_equal(graph, net)


@pytest.mark.parametrize("overlap", list(Overlap))
@pytest.mark.parametrize("interval", [1, 2, 3])
def test_reset_interval_restarts_every_sequence(overlap, interval):
    graph = ltc(2, units=4)
    assert_equal(graph, map_network(graph, CHIP, interval, Options(overlap)), samples=7, interval=interval)


@pytest.mark.parametrize("overlap", list(Overlap))
@pytest.mark.parametrize("interval", [None, 2])
def test_given_states_are_where_it_starts(overlap, interval):
    graph = ltc(2, units=4)
    x = np.random.default_rng(0).integers(-SMALL, SMALL, (2, 6, 8))
    given = run_reference(graph, x).final
    assert_mapped_equals(graph, map_network(graph, CHIP, interval, Options(overlap)), x, interval, given)


def stack(unfolds: tuple[int, ...] = (3, 3, 2)) -> Graph:
    """LTCs, each reading the states of the one before."""
    b = Builder(11)
    for n in range(len(unfolds)):
        b.state(f"v{n}", b.rng.integers(-99, 99, 4))
    x = b.input(3)
    for n, count in enumerate(unfolds):
        x = layer(b, x, f"v{n}", count)
    b.output(x)
    b.block("output")
    return b.graph()


@pytest.mark.parametrize("interval", [None, 1, 2, 3, 5])
def test_a_stack_is_pipelined_on_request(interval):
    graph = stack()
    ticks = {}
    for overlap in Overlap:
        net = map_network(graph, CHIP, interval, Options(overlap))
        ticks[overlap] = net.ticks_per_sample, net.latency
        assert_equal(graph, net, samples=8, interval=interval or 0)
    assert ticks == {Overlap.NONE: (20, 20), Overlap.BLOCKS: (18, 20), Overlap.LAYERS: (6, 20)}


def gru() -> Graph:
    """Two stages in one population: the second product reads what the first one gated."""
    b = Builder(2)
    b.state("gru.h", b.rng.integers(-99, 99, 6))
    x, h = b.input(4), b.read("gru.h")

    def gate(second: str) -> str:
        matrix = b.rng.integers(-9, 10, (6, 10))
        return b.polynomial(b.narrow(b.mat_vec([x, second], matrix)), 4, 2)

    r, z = gate(h), gate(h)
    candidate = gate(b.narrow(b.mul_shift(r, h, [10])))
    mixed = b.add(h, b.mul_shift(z, b.narrow(b.sub(candidate, h)), [11]))
    b.write("gru.h", b.rescale(mixed, 0, -SMALL, SMALL))
    b.block("step")
    b.output(b.mat_vec([b.narrow(b.read("gru.h"), 255)], b.rng.integers(-255, 256, (2, 6))))
    b.block("output")
    return b.graph()


def test_gru_of_two_stages():
    graph = gru()
    net = map_network(graph, CHIP)
    assert sorted(p.size for p in net.populations) == [4, 6], "three sums: the input gets a gate of its own"
    assert_equal(graph, net)


def mixed_memory() -> Graph:
    """An LSTM-like block writes the state that the solver then reads; four gates of two sums each."""
    b = Builder(3)
    b.state("ltc.v", b.rng.integers(-99, 99, 5))
    b.state("lstm.c", b.rng.integers(-99, 99, 5))
    x, v, c = b.input(3), b.read("ltc.v"), b.read("lstm.c")
    i, f, o, g = (
        b.polynomial(
            b.narrow(
                b.add(
                    b.mat_vec([x], b.rng.integers(-60, 61, (5, 3))),
                    b.mat_vec([v], b.rng.integers(-40, 41, (5, 5))),
                )
            ),
            4,
            2,
        )
        for _ in range(4)
    )
    memory = b.rescale(b.add(b.mul_shift(f, c, [11]), b.mul_shift(i, g, [10])), 0, -SMALL, SMALL)
    b.write("lstm.c", memory)
    b.write("ltc.v", b.rescale(b.mul_shift(o, memory, [11]), 0, -SMALL, SMALL))
    b.block("memory")
    v = b.read("ltc.v")
    n, d = synapses(b, v, 9, 5)
    b.write("ltc.v", b.rescale(b.add(v, b.narrow(b.sub(n, d))), 0, -SMALL, SMALL))
    b.block("solver", 3)
    b.output(b.read("ltc.v"))
    b.block("output")
    return b.graph()


def test_mixed_memory_takes_its_eight_sums_in_pairs():
    graph = mixed_memory()
    net = map_network(graph, CHIP)
    assert sorted(p.size for p in net.populations) == [3, 5, 9]
    assert all(p.sum_ports <= CHIP.sums and p.message_ports <= CHIP.messages for p in net.populations)
    assert {c.delay for c in net.connections} > {0}
    assert_equal(graph, net)


def many(sums: int, messages: int, repeat: int) -> Graph:
    """One population that sends `messages` values to another, which takes `sums` sums of them."""
    b = Builder(4)
    b.state("s", b.rng.integers(-99, 99, 3))
    x = b.input(3)
    b.block("input")
    s = b.add(b.read("s"), x)
    sent = [b.mul_shift(b.narrow(s), b.constant(b.rng.integers(50, 99, 3)), [8 + k % 3]) for k in range(messages)]
    maps = [b.mat_vec([b.narrow(sent[k % messages], 999)], b.rng.integers(-99, 99, (4, 3))) for k in range(sums)]
    total = maps[0]
    for map_ in maps[1:]:
        total = b.maximum(b.narrow(total), b.narrow(map_))
    back = b.gather([b.polynomial(b.narrow(total), 5, 2)], [0, 3, 1])
    b.write("s", b.rescale(back, 0, -SMALL, SMALL))
    b.block("loop", repeat)
    b.output(b.read("s"))
    b.block("output")
    return b.graph()


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
    assert {p.state for p in net.probes} == {"ltc.v", "lstm.c"}
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
