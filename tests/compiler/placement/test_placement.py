"""Placement: the memory model against printed tables, and the search for few cores and little traffic."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from placement_networks import connection, layers, ltc, network, networks, population, split

from compiler.mapping.mapped_network import MappedNetwork
from compiler.placement.placement import Placement
from compiler.placement.search import first_fit, place
from hw_models.chip import Chip, load_chip
from hw_models.constants import Memory
from hw_models.errors import ChipError, PlacementError

CHIP = load_chip("loihi2")


def memory(chip: Chip = CHIP) -> Memory:
    assert chip.memory is not None
    return chip.memory


def tight(**limits: int) -> Chip:
    """A chip with smaller cores."""
    return replace(CHIP, memory=replace(memory(), **limits))


def laid_out(network: MappedNetwork, cores: dict, bits: float) -> Placement:
    count = 1 + max(int(c.max()) for c in cores.values())
    return Placement(network, CHIP, memory(), bits, cores, count)


def test_mnist_takes_what_was_printed():
    """784 -> 128 -> 64 -> 10 on five cores, 50 of the first layer's neurons on each: 67.1, 14.7 and 1.7 %."""
    cores = split({"layer1": [50, 50, 28], "layer2": [64], "layer3": [10]})
    placed = laid_out(layers(784, 128, 64, 10), cores, bits=15)
    shares = 100 * placed.load.words(memory()) / memory().words
    assert shares[:2].round(2).tolist() == [67.14, 67.14]
    assert shares[3:].round(2).tolist() == [14.93, 1.70]
    # The middle layer has zero weights: 15.75 words an axon were printed in place of 16.
    assert round(shares[3] - 100 * 128 * (16 - 15.75) / memory().words, 2) == 14.72


def test_oxford_takes_what_was_printed():
    """256 -> 200 on two cores of 100: 8,064 words of synapses, 31.5 an axon."""
    placed = laid_out(layers(256, 200, 1), split({"layer1": [100, 100], "layer2": [1]}), bits=19)
    packed = placed.load.synapse_words[:2]
    assert packed.tolist() == [7936, 7936] and packed == pytest.approx(8064, rel=0.02)
    assert 256 * 31.5 == 8064


def test_zero_weights_take_nothing():
    whole = layers(20, 10, 5)
    first = whole.connections[0]
    holes = replace(first, weights=first.weights * (first.columns % 2))
    a, b = (place(n, CHIP) for n in (whole, replace(whole, connections=(holes, *whole.connections[1:]))))
    assert a.load.in_axons - b.load.in_axons == 10
    assert b.load.synapse_words < a.load.synapse_words


def test_axons_count_once_a_connection_and_core():
    net = layers(3, 4, 2)
    twice = replace(net, connections=(*net.connections, net.connections[1]))
    one, two = place(net, CHIP), place(twice, CHIP)
    assert two.load.in_axons - one.load.in_axons == 4 and two.load.axon_map - one.load.axon_map == 4
    apart = laid_out(net, split({"layer1": [4], "layer2": [1, 1]}), 18)
    assert apart.load.axon_map.tolist() == [8, 1, 1]  # each neuron of the first layer is sent to two cores
    assert apart.load.in_axons.tolist() == [3, 4, 4]
    assert apart.crossing == 8


TIGHT = [
    {"neuron_units": 24},
    {"words": 60},
    {"synapse_words": 42},
    {"in_axons": 48},
    {"axon_map": 60},
    {"programs": 1},
    {"programs": 2, "neuron_units": 30, "in_axons": 60},
]


@given(networks(), st.sampled_from(TIGHT))
@settings(max_examples=60, deadline=None)
def test_never_worse_than_first_fit_and_within_all_limits(net, limits):
    chip = replace(tight(**limits), chips=1000)
    try:
        first = first_fit(net, chip)
    except PlacementError as error:
        assert "does not fit an empty core" in str(error)
        with pytest.raises(PlacementError, match="does not fit an empty core"):
            place(net, chip)
        return
    best = place(net, chip)
    assert (best.count, best.crossing) <= (first.count, first.crossing)
    for placed in (first, best):
        assert placed.load.fits(memory(chip)).all()
        assert all(placed.cores[p.name].shape == (p.size,) for p in net.populations)
        used = np.unique(np.concatenate(list(placed.cores.values())))
        assert used.tolist() == list(range(placed.count))
        needed = placed.load.used(memory(chip)).sum(axis=1)[2] / memory(chip).neuron_units
        assert placed.count >= needed


@given(networks(), st.sampled_from(TIGHT))
@settings(max_examples=20, deadline=None)
def test_the_same_network_gets_the_same_cores(net, limits):
    chip = replace(tight(**limits), chips=1000)
    try:
        one, two = place(net, chip), place(net, chip)
    except PlacementError:
        return
    assert one.count == two.count and all(np.array_equal(one.cores[n], two.cores[n]) for n in one.cores)


def test_the_better_order_saves_cores_and_traffic():
    net = ltc(300, 10_000)
    first, best = first_fit(net, CHIP), place(net, CHIP)
    assert best.count < first.count and best.crossing < first.crossing / 4


def test_a_thousand_units_with_a_hundred_thousand_synapses():
    placed = place(ltc(1000, 100_000), CHIP)
    assert placed.load.fits(memory()).all() and 100 < placed.count <= 120


def test_spread_over_more_cores():
    net = ltc(20, 90)
    assert place(net, CHIP).count == 1
    for cores in (2, 5):
        spread = place(net, CHIP, spread=cores)
        assert spread.count == cores
        assert spread.load.units.max() < 1.3 * spread.load.units.mean()
    assert place(network([population("p", 3)], [], 1), CHIP, spread=50).count == 3


def test_more_cores_asked_for_than_there_are():
    with pytest.raises(PlacementError, match="not that many cores to spread") as caught:
        place(network([population("p", 12)], [], 1), replace(CHIP, cores=10), spread=12)
    assert caught.value.numbers == "cores = 12, and 1 x 10 are available" and "or 2 chips" in caught.value.advice


def test_what_does_not_fit_is_one_error_with_numbers():
    with pytest.raises(PlacementError, match="does not fit the chip") as caught:
        place(ltc(300, 10_000), replace(CHIP, cores=10))
    assert "12 cores, and 1 x 10 are available" in caught.value.numbers and "2 or more chips" in caught.value.advice
    assert place(ltc(300, 10_000), replace(CHIP, cores=10, chips=2)).chips == 2
    with pytest.raises(PlacementError, match="a neuron does not fit") as caught:
        place(layers(2000, 3, 1), tight(in_axons=1500))
    assert caught.value.where == "population layer1, neuron 0"
    assert "in-axons: 2,000 of 1,500" in caught.value.numbers


def test_a_chip_whose_memory_is_not_known():
    with pytest.raises(ChipError, match=r"no \[memory\] section"):
        place(layers(2, 2, 1), replace(CHIP, memory=None))


def test_text_has_a_line_a_core():
    placed = place(ltc(300, 10_000), CHIP)
    lines = str(placed).splitlines()
    assert len(lines) == placed.count + 5
    assert "of 120 cores, 1 chip" in lines[0] and "messages a sample from core to core" in lines[0]
    assert "synapses" in lines[2] and "99.9%" in lines[2]
    assert "bottleneck: neurons" in lines[-2] and lines[-1].endswith("at 20 bits these cores would still suffice")
    full = layers(600, 64, 1)
    assert place(full, CHIP).count == 1 and str(place(full, CHIP)).endswith("at 20 bits these cores would be overfull")


@given(st.integers(0, 99), st.sampled_from([{"synapse_words": 60}, {"in_axons": 35}, {"neuron_units": 16}]))
@settings(max_examples=30, deadline=None)
def test_a_core_is_full_before_the_next_one_begins(seed, limits):
    """What the filling adds up row by row is what the placement counts in the end: one row more would not fit."""
    rows, columns = np.nonzero(np.random.default_rng(seed).random((60, 30)) < 0.2)
    received = connection(None, "p", (60, 30), rows, columns)
    chip = tight(**limits)
    placed = first_fit(network([population("p", 60, 3)], [received, received], 30), chip)
    assert placed.count > 1
    for core in range(placed.count - 1):
        moved = placed.cores["p"].copy()
        moved[np.flatnonzero(moved == core + 1)[0]] = core
        more = replace(placed, cores={"p": moved}).load
        assert not more.fits(memory(chip))[core]


def test_neurons_that_receive_the_same_lie_together():
    """Two circles of neurons that receive only from each other, numbered in turn: each gets a core of its own."""
    units = 40
    i, j = np.indices((units, units))
    post, pre = np.nonzero((i % 2 == j % 2) & (i != j))
    own = np.arange(pre.size)
    populations = [population("v", units, 2, state=True), population("synapses", pre.size, 2)]
    wires = [
        connection("v", "synapses", (pre.size, units), own, pre),
        connection("synapses", "v", (units, pre.size), post, own),
    ]
    net, chip = network(populations, wires, 1), tight(neuron_units=(units + pre.size) // 2)
    assert (first_fit(net, chip).count, place(net, chip).count) == (2, 2)
    assert first_fit(net, chip).crossing > 300 and place(net, chip).crossing == 0
