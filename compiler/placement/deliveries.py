"""Which neurons send to which cores, and what that takes of every core's memory: counted, not searched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from compiler.mapping.mapped_network import Connection, MappedNetwork, Population
from hw_models.arrays import Integers

Cores: TypeAlias = Mapping[str, Integers]
"""By population: the core of each of its neurons."""

SPARSE = 16
"""Where this many times more numbers are possible than are there, sorting them is less work than counting each."""

OUTSIDE = -1
"""In place of a core: the host, which sends the input and takes the output."""


@dataclass(frozen=True)
class Deliveries:
    """The messages of one connection when all its neurons send: one element a source neuron and target core.

    Each element is an in-axon of the target core, an entry in the axon map of the source's core, and a message.
    """

    connection: Connection
    neurons: Integers
    """the source's neuron, or the channel of the input"""
    sources: Integers
    """its core, or OUTSIDE"""
    targets: Integers
    """the core that gets it, or OUTSIDE"""
    synapses: Integers
    """that it meets there"""


def deliveries(network: MappedNetwork, cores: Cores) -> tuple[Deliveries, ...]:
    """The deliveries of all connections, in their order."""
    return tuple(_deliveries(connection, cores) for connection in network.connections)


def _deliveries(connection: Connection, cores: Cores) -> Deliveries:
    here = connection.weights != 0
    rows, columns = connection.rows[here], connection.columns[here]
    source, target = connection.source.population, connection.target.population
    if target is None:
        neurons, synapses = np.unique(columns), np.zeros(0, np.int64)
        targets, synapses = np.full(neurons.size, OUTSIDE), np.zeros(neurons.size, np.int64)
    else:
        count = 1 + int(max(cores[target], default=0))
        pairs, synapses = _counted(columns * count + cores[target][rows], connection.shape[1] * count)
        neurons, targets = np.divmod(pairs, count)
    sources = np.full(neurons.size, OUTSIDE) if source is None else cores[source][neurons]
    return Deliveries(connection, neurons, sources, targets, synapses)


def _counted(numbers: Integers, below: int) -> tuple[Integers, Integers]:
    """Each of the `numbers`, once and in order, and how often it is there."""
    if below > SPARSE * numbers.size:
        return np.unique(numbers, return_counts=True)
    counts = np.bincount(numbers, minlength=below)
    found = np.flatnonzero(counts)
    return found, counts[found]


def axon_map_entries(network: MappedNetwork, deliveries: Iterable[Deliveries]) -> dict[str, Integers]:
    """How many entries each neuron has in the axon map of its core, by population."""
    entries = {p.name: np.zeros(p.size, np.int64) for p in network.populations}
    for sent in deliveries:
        source = sent.connection.source.population
        if source is not None:
            entries[source] += np.bincount(sent.neurons, minlength=entries[source].size)
    return entries


def words_per_neuron(population: Population) -> int:
    """Words of a neuron: those that it keeps from tick to tick, and temporaries for which there is no register."""
    return len(population.words)
