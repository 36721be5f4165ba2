"""First fit at any size: what a core has met is counted, not searched, and what surely does not fit is told at once."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from hw_models.arrays import Integers

sys.path.insert(0, str(Path(__file__).parent))
from placement_networks import dense, layers, network, networks, population

from compiler.mapping.mapped_network import MappedNetwork
from compiler.placement import core_filling, search
from compiler.placement.neuron_order import Synapses
from compiler.placement.orders import around_states, by_populations
from compiler.placement.search import first_fit, place
from hw_models.chip import load_chip
from hw_models.errors import PlacementError

CHIP = load_chip("loihi2")
assert CHIP.memory is not None
MEMORY = replace(CHIP.memory, neuron_units=30, synapse_words=900, in_axons=300)
SMALL = replace(CHIP, memory=MEMORY)


@given(networks())
@settings(max_examples=20, deadline=None)
def test_first_fit_is_that_of_one_row_after_another(net: MappedNetwork):
    """A core asked for one row at a time holds the same as one asked for many."""

    def cores() -> list[dict[str, Integers]]:
        return [
            search._filled(core_filling.Filler(net, SMALL.memory), SMALL, p(net)).cores
            for p in (by_populations, around_states)
        ]

    many = cores()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core_filling, "FIRST_ROWS", 1)
        patch.setattr(core_filling._Core, "take", _row_by_row)
        one = cores()
    for a, b in zip(many, one, strict=True):
        assert a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def _row_by_row(core: core_filling._Core, queue, rows: int) -> int:
    taken, name = 0, queue.line.population.name
    while name not in core._full and taken < rows:
        more = core._take(queue, 1)
        if not more:
            core._full.add(name)
            queue.next_core()
        taken += more
    return taken


def test_synapses_know_how_many_of_their_source_come_before():
    wire = replace(dense(None, "p", (3, 2)), weights=np.array([1, 0, 2, 3, 4, 5]))
    found = Synapses.of(wire, np.array([2, 0, 1]))
    assert found.columns.tolist() == [0, 1, 0, 0, 1]
    assert found.ranks.tolist() == [0, 0, 1, 2, 1]
    assert found.ends.tolist() == [0, 2, 3, 5]


def test_a_hopeless_network_is_not_filled(monkeypatch):
    """It has no time: an image of millions of synapses fills hundreds of cores that are not there."""
    monkeypatch.setattr(core_filling.Filler, "fill", lambda *_: pytest.fail("filled"))
    with pytest.raises(PlacementError, match="does not fit") as caught:
        place(network([population("p", 100_000)], [], 1), replace(CHIP, cores=10))
    assert "neurons alone need at least" in caught.value.numbers and "or more chips" in caught.value.advice


def test_what_may_fit_is_filled():
    assert place(layers(50, 60, 3), CHIP).count == first_fit(layers(50, 60, 3), CHIP).count == 1
