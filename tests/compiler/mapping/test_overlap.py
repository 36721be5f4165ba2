"""Samples that overlap: the same integers, in fewer ticks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from graph_strategies import SMALL, Builder
from liquid_graphs import cfc, gru, ltc, many, mixed_memory, stack

from benchmarks.fuzz.mapped import assert_mapped_equals
from compiler.graph import Graph
from compiler.interpreters.reference import run_reference
from compiler.mapping import MappedNetwork, Options, Overlap, map_network
from hw_models.chip import load_chip

CHIP = load_chip("loihi2")

SHAPES: dict[str, Callable[[], Graph]] = {
    "ltc": lambda: ltc(2, units=4),
    "gru": gru,
    "cfc": cfc,
    "mixed memory": mixed_memory,
    "many sums": lambda: many(5, 3, 3),
    "stack of ltc": lambda: stack((2, 1)),
    "stack of cfc": lambda: cfc(layers=2),
}


def mapped(graph: Graph, overlap: Overlap, interval: int | None = None) -> MappedNetwork:
    return map_network(graph, CHIP, interval, Options(overlap, merged=False))


@cache
def of_shape(shape: str, overlap: Overlap, interval: int | None = None) -> MappedNetwork:
    """Mapping is what takes the time here: each is made once."""
    return mapped(SHAPES[shape](), overlap, interval)


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("interval", [None, 1, 3])
def test_every_overlap_gives_the_same_integers(shape, interval):
    graph, plain = SHAPES[shape](), of_shape(shape, Overlap.NONE)
    x = np.random.default_rng(0).integers(-SMALL, SMALL, (2, 7, plain.input_size))
    given = run_reference(graph, x).final
    ticks = []
    for overlap in Overlap:
        net = of_shape(shape, overlap, interval)
        assert_mapped_equals(graph, net, x, interval)
        assert_mapped_equals(graph, net, x, interval, given)
        ticks.append((net.ticks_per_sample, net.latency))
        assert net.overlaps == (net.ticks_per_sample < plain.ticks_per_sample)
    alone, blocks, layers = ticks
    assert layers <= blocks
    assert blocks < alone or shape == "mixed memory", "its memory waits for its solver"
    assert {latency for _, latency in ticks} <= set(range(alone[1] + 1))


def test_the_period_does_not_depend_on_the_reset():
    for graph in (ltc(3), stack((2, 1)), cfc(2)):
        for overlap in Overlap:
            one, other = mapped(graph, overlap, 2), mapped(graph, overlap)
            assert (one.ticks_per_sample, one.latency) == (other.ticks_per_sample, other.latency)


def test_a_pipeline_takes_a_sample_every_longest_layer():
    ticks = {overlap: mapped(stack((3, 3, 2)), overlap) for overlap in Overlap}
    assert [(net.ticks_per_sample, net.latency) for net in ticks.values()] == [(20, 20), (18, 20), (6, 20)]


def test_layers_of_one_block_are_pipelined_too():
    single, triple = mapped(cfc(), Overlap.LAYERS), mapped(cfc(3), Overlap.LAYERS)
    assert triple.ticks_per_sample == single.ticks_per_sample
    assert mapped(cfc(3), Overlap.BLOCKS).ticks_per_sample > 2 * single.ticks_per_sample


def test_a_reset_in_the_tick_of_the_last_write_leaves_the_state_to_be_seen():
    net = mapped(ltc(), Overlap.BLOCKS, 3)
    (monitor,) = net.monitors
    assert (monitor.word, monitor.tick) == ("rnn.v.seen", 13)
    assert net.populations[1].states == {"rnn.v": "rnn.v"}
    assert mapped(ltc(), Overlap.BLOCKS).monitors[0].word == "rnn.v"


def test_states_of_a_block_that_runs_once_change_when_they_can():
    b = Builder(1)
    b.state("early", [1, 2])
    b.state("late", [3, 4])
    x = b.input(2)
    b.write("early", b.rescale(b.add(b.read("early"), x), 2, -SMALL, SMALL))
    once = b.polynomial(b.gather([x], [1, 0]), 3, 2)
    twice = b.polynomial(b.gather([once], [1, 1]), 3, 2)
    b.write("late", b.rescale(b.gather([twice], [0, 1]), 0, -SMALL, SMALL))
    b.output(b.read("late"))
    b.block("step")
    graph = b.graph()
    for overlap in Overlap:
        net = mapped(graph, overlap)
        ticks = {monitor.state: monitor.tick for monitor in net.monitors}
        assert ticks["early"] < ticks["late"]
        assert_mapped_equals(graph, net, np.random.default_rng(2).integers(-SMALL, SMALL, (2, 6, 2)))


def test_a_state_stays_until_the_blocks_before_have_read_it():
    b = Builder(7)
    b.state("held", [1, 2])
    b.state("sum", [3, 4])
    b.write("sum", b.rescale(b.add(b.read("sum"), b.read("held")), 1, -SMALL, SMALL))
    b.block("loop", 5)
    b.write("held", b.rescale(b.input(2), 0, -SMALL, SMALL))
    b.block("hold")
    b.output(b.gather([b.read("sum")], [1, 0]))
    b.block("last")
    graph = b.graph()
    for overlap in Overlap:
        assert_mapped_equals(graph, mapped(graph, overlap), np.random.default_rng(4).integers(-SMALL, SMALL, (2, 6, 2)))


@pytest.mark.parametrize("overlap", list(Overlap))
def test_states_that_take_over_from_each_other(overlap):
    b = Builder(5)
    for name, initial in (("a", [1, 2]), ("b", [3, 4]), ("c", [5, 6])):
        b.state(name, initial)
    one, two, three = b.read("a"), b.read("b"), b.read("c")
    x = b.polynomial(b.gather([b.input(2)], [1, 0]), 3, 2)
    b.write("a", two)
    b.write("b", three)
    b.write("c", b.rescale(b.add(x, one), 1, -SMALL, SMALL))
    b.output(b.gather([b.minimum(two, three)], [1, 0]))
    b.block("all")
    graph = b.graph()
    for interval in (None, 2):
        x = np.random.default_rng(3).integers(-SMALL, SMALL, (2, 7, 2))
        assert_mapped_equals(graph, mapped(graph, overlap, interval), x, interval)
