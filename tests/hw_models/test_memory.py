"""The memory arithmetic against rows that Intel's compiler printed (see the chip file's sources)."""

from __future__ import annotations

import numpy as np
import pytest

from hw_models.chip import load_chip
from hw_models.memory import RESOURCES, Load, neuron_units, synapse_words

MEMORY = load_chip("loihi2").memory


def test_words_of_an_axon_are_those_that_were_printed():
    assert MEMORY is not None
    for synapses, bits, words in [(50, 15, 12), (64, 15, 16), (10, 15, 3), (50, 16, 13), (50, 18, 15), (29, 18, 9)]:
        assert synapse_words(MEMORY, synapses, bits) == words
    assert synapse_words(MEMORY, [0, 85, 100], 19).tolist() == [0, 27, 31]


def test_a_neuron_takes_units_of_two_words():
    assert MEMORY is not None
    assert [neuron_units(MEMORY, words) for words in (0, 1, 2, 3, 8, 9)] == [1, 1, 1, 2, 4, 5]


@pytest.mark.parametrize("resource", range(1, len(RESOURCES)))
def test_each_limit_is_one(resource):
    assert MEMORY is not None
    most = [MEMORY.neuron_units, MEMORY.in_axons, MEMORY.synapse_words, MEMORY.axon_map, MEMORY.programs]
    field = {"synapses": 2, "neurons": 0, "in-axons": 1, "axon map": 3, "programs": 4}[RESOURCES[resource]]
    for over in (0, 1):
        parts = [np.array([most[i] + over if i == field else 0]) for i in range(5)]
        load = Load(*parts)
        assert load.fits(MEMORY).tolist() == [not over]
        assert load.shares(MEMORY)[resource, 0] == most[field] / most[field] + over / most[field]


def test_the_whole_memory_is_a_limit_too():
    assert MEMORY is not None
    load = Load(*(np.array([n]) for n in (4095, 8000, 8000, 0, 1)))
    assert load.words(MEMORY)[0] == 0.75 * (4095 + 8000) + 8000 > MEMORY.words
    assert not load.fits(MEMORY)[0] and (load.shares(MEMORY)[1:] < 1.01).all()
