"""A number of cores that no placement comes below: told at once, however large the network is."""

from __future__ import annotations

import math

import numpy as np

from compiler.mapping.mapped_network import MappedNetwork, Population
from compiler.placement.deliveries import words_per_neuron
from hw_models.chip import Chip
from hw_models.constants import Memory
from hw_models.errors import PlacementError
from hw_models.memory import Load, neuron_units, synapse_words


def least_cores(network: MappedNetwork, memory: Memory) -> tuple[int, str]:
    """This many at least, and what needs them: neurons or synapses."""
    units = sum(p.size * neuron_units(memory, words_per_neuron(p)) for p in network.populations)
    inside = [c for c in network.connections if c.target.population is not None]
    bits = sum(int(np.count_nonzero(c.weights)) for c in inside) * memory.synapse_bits.default
    found = (
        (-(-units // memory.neuron_units), "neurons"),
        (math.ceil(bits / memory.synapse_word_bits / memory.synapse_words), "synapses"),
    )
    return max(found)


def too_large(network: MappedNetwork, chip: Chip) -> PlacementError | None:
    """The error of a network that surely needs more cores than there are; None where it must be tried.

    Of one with a neuron that fits no core at all nothing is said: no number of chips would do.
    """
    if chip.cores is None or chip.memory is None:
        return None
    least, resource = least_cores(network, chip.memory)
    if least <= chip.cores * chip.chips or not all(_fit_alone(network, p, chip.memory) for p in network.populations):
        return None
    return PlacementError(
        "the network does not fit the chip",
        where=f"chip {chip.name}",
        numbers=f"its {resource} alone need at least {least:,} cores, and {chip.chips} x {chip.cores} are available",
        advice=f"Use a smaller or sparser network, or {-(-least // chip.cores)} or more chips (chips=, board=).",
    )


def _fit_alone(network: MappedNetwork, population: Population, memory: Memory) -> bool:
    """Whether each neuron fits a core that it has for itself, with an axon for each of its synapses."""
    axons = np.zeros(population.size, np.int64)
    for c in network.connections:
        if c.target.population == population.name:
            axons += np.bincount(c.rows[c.weights != 0], minlength=population.size)
    units, none = np.full_like(axons, neuron_units(memory, words_per_neuron(population))), np.zeros_like(axons)
    return bool(Load(units, axons, axons * synapse_words(memory, 1), none, none + 1).fits(memory).all())
