"""The merged form of synapses: one population, the same integers; when it is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from graph_strategies import SMALL, Builder
from liquid_graphs import layer, ltc, mixed_memory, synapses

from benchmarks.fuzz.mapped import assert_mapped_equals
from compiler.graph import Graph, ops
from compiler.graph.validate import validate
from compiler.interpreters.reference import run_reference
from compiler.mapping import MappedNetwork, Options, Overlap, map_network
from compiler.rewrite.merge import merge_synapses
from hw_models.chip import load_chip
from hw_models.errors import InputError

CHIP = load_chip("loihi2")


def mapped(graph: Graph, merged: bool | None, overlap: Overlap = Overlap.BLOCKS, interval: int | None = None):
    return map_network(graph, CHIP, interval, Options(overlap, merged))


def sizes(net: MappedNetwork) -> list[int]:
    return sorted(p.size for p in net.populations)


@pytest.mark.parametrize("overlap", list(Overlap))
@pytest.mark.parametrize("interval", [None, 2])
@pytest.mark.parametrize("unfolds", [1, 2, 6])
def test_one_population_gives_the_same_integers(overlap, interval, unfolds):
    graph = ltc(unfolds, alike=True)
    net = mapped(graph, True, overlap, interval)
    assert sizes(net) == [19, 40 + 47]
    x = np.random.default_rng(0).integers(-SMALL, SMALL, (2, 5, 8))
    assert_mapped_equals(graph, net, x, interval)
    assert_mapped_equals(graph, net, x, interval, run_reference(graph, x).final)


def test_the_solver_waits_for_nothing():
    """Two ticks a sub-step, and no tick for the synapses of the input before them."""
    nets = [mapped(ltc(6, alike=True), merged, Overlap.NONE) for merged in (False, True)]
    assert [(net.ticks_per_sample, net.latency) for net in nets] == [(14, 14), (13, 13)]
    assert mapped(ltc(6, alike=True), True).ticks_per_sample == 12


@pytest.mark.parametrize(
    ("unfolds", "overlap", "merged"),
    [
        (6, Overlap.NONE, True),  # 13 ticks, not 14
        (6, Overlap.BLOCKS, False),  # 12 either way: fewer instructions and messages
        (1, Overlap.BLOCKS, True),  # two ticks, not three: two sums fewer
    ],
)
def test_ticks_come_first_then_work(unfolds, overlap, merged):
    graph = ltc(unfolds, alike=True)
    assert sizes(mapped(graph, None, overlap)) == sizes(mapped(graph, merged, overlap))
    assert sizes(mapped(graph, True, overlap)) != sizes(mapped(graph, False, overlap))


@pytest.mark.parametrize("overlap", [Overlap.NONE, Overlap.BLOCKS])
def test_either_form_is_spread_over_as_many_ticks_as_asked(overlap):
    net = map_network(ltc(6, alike=True), CHIP, options=Options(overlap, ticks_per_sample=20))
    assert net.ticks_per_sample == 20 and len(net.populations) == (2 if overlap is Overlap.NONE else 3)


def test_what_is_not_alike_is_left_alone():
    for graph in (ltc(), mixed_memory()):
        assert merge_synapses(graph, CHIP.word_high) is graph
    graph = ltc(alike=True)
    assert merge_synapses(graph, highest=1000) is graph, "the sum would not fit"
    assert merge_synapses(graph, CHIP.word_high) is not graph


def test_a_sum_that_somebody_else_reads_is_left_alone():
    b = Builder(1)
    b.state("v", b.rng.integers(-99, 99, 4))
    layer(b, b.input(3), "v", 2, alike=True)
    sums = [str(op.result) for op in b.blocks[0].ops if isinstance(op, ops.SegmentSum)]
    b.output(b.add(sums[0], b.gather([b.read("v")], np.arange(4))))
    b.block("output")
    graph = b.graph()
    net = mapped(graph, True)
    assert sizes(net) == [4, 40, 47, 87], "the one sum is merged, the other is not"
    assert_mapped_equals(graph, net, np.random.default_rng(0).integers(-SMALL, SMALL, (2, 5, 3)))


def test_nothing_to_merge_is_said():
    merged = merge_synapses(ltc(2, alike=True), CHIP.word_high)
    for graph in (ltc(2, alike=False), merged):
        assert sizes(mapped(graph, None)) == sizes(mapped(graph, False))
        with pytest.raises(InputError, match="no synapses of this graph can be merged"):
            mapped(graph, True)


def test_a_merged_graph_is_a_valid_graph():
    graph = ltc(2, alike=True)
    merged = validate(merge_synapses(graph, CHIP.word_high))
    x = np.random.default_rng(0).integers(-SMALL, SMALL, (2, 5, 8))
    assert np.array_equal(run_reference(merged, x).outputs, run_reference(graph, x).outputs)


def test_a_leak_beside_both_sums_is_no_obstacle():
    """What a sub-step adds that is always the same is added up first, where the sums stay two."""
    b = Builder(1)
    b.state("v", b.rng.integers(-99, 99, 5))
    once = synapses(b, b.input(8), 40, 5, alike=True)
    b.block("input")
    v = b.read("v")
    both = [b.add(s, r) for s, r in zip(once, synapses(b, v, 47, 5, alike=True), strict=True)]
    n, d = (b.add(total, b.constant(b.rng.integers(1, 99, 5))) for total in both)
    change = b.mul_shift(b.narrow(b.sub(n, d)), b.constant(b.rng.integers(1, 99, 5)), [9])
    b.write("v", b.rescale(b.add(v, change), 0, -SMALL, SMALL))
    b.block("solver", 3)
    b.output(b.read("v"))
    b.block("output")
    graph = b.graph()
    x = np.random.default_rng(0).integers(-SMALL, SMALL, (2, 5, 8))
    for merged, size in ((True, [5, 87]), (False, [5, 40, 47])):
        net = mapped(graph, merged)
        assert sizes(net) == size
        assert_mapped_equals(graph, net, x)
