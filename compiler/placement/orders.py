"""The order in which neurons are put into cores: neighbours land together."""

from __future__ import annotations

import numpy as np

from compiler.mapping.mapped_network import Connection, MappedNetwork
from compiler.placement.neuron_order import Piece
from hw_models.arrays import Integers

MOST_CHAINED = 4096
"""State neurons up to which the search for alike ones is worth its time and memory: both grow with the square."""

FADING = 0.95
"""How much less the state neurons before the last one count, step by step: a core holds some tens."""


def by_populations(network: MappedNetwork) -> list[Piece]:
    """Population after population, row after row."""
    return [(p, np.arange(p.size)) for p in network.populations]


def around_states(network: MappedNetwork) -> list[Piece]:
    """State neuron after state neuron, each with those that exchange most messages with it: less between cores.

    State neurons that receive from the same others follow each other, so that these send to fewer cores.
    """
    homes = _homes(network)
    if not homes:
        return by_populations(network)
    places = _places(network, homes)
    number = np.repeat(np.arange(len(network.populations)), [p.size for p in network.populations])
    row = np.concatenate([np.arange(p.size) for p in network.populations])
    place = places[np.concatenate([homes[p.name] for p in network.populations])]
    order = np.lexsort((row, number, place))
    number, row = number[order], row[order]
    cuts = np.flatnonzero(np.diff(number)) + 1
    parts = zip(np.split(number, cuts), np.split(row, cuts), strict=True)
    return [(network.populations[int(part[0])], rows) for part, rows in parts]


def _places(network: MappedNetwork, homes: dict[str, Integers]) -> Integers:
    """The place of each state neuron in a chain: next comes what receives most of what the last ones do."""
    starts = _starts(network)
    count = 1 + max(int(h.max()) for h in homes.values())
    if count > MOST_CHAINED:
        return np.arange(count)
    receives = np.zeros((count, count), np.float32)
    for connection in network.connections:
        source, target = connection.source.population, connection.target.population
        if source in starts and target is not None:
            receives[homes[target][connection.rows], starts[source] + connection.columns] = 1
    alike = receives @ receives.T + receives.T  # alike[i, j]: what j receives as i does, and i itself
    size = np.sqrt(np.maximum(1, receives.sum(axis=1)))
    places = np.full(count, -1)
    near = np.zeros(count, np.float32)
    latest = int(size.argmax())
    for place in range(count):
        places[latest] = place
        near = FADING * near + alike[latest]
        latest = int(np.where(places < 0, near / size, -1).argmax())
    return places


def _starts(network: MappedNetwork) -> dict[str, int]:
    """The number of the first state neuron of each population with states."""
    starts: dict[str, int] = {}
    count = 0
    for population in network.populations:
        if population.states:
            starts[population.name] = count
            count += population.size
    return starts


def _homes(network: MappedNetwork) -> dict[str, Integers]:
    """For each neuron the number of a state neuron: the one with which it exchanges most messages of a sample.

    Of equals rather one that it sends to: a synapse neuron belongs to its target.
    """
    starts = _starts(network)
    if not starts:
        return {}
    count = sum(p.size for p in network.populations if p.states)
    homes: dict[str, Integers] = {}
    for population in network.populations:
        if population.name in starts:
            homes[population.name] = starts[population.name] + np.arange(population.size)
            continue
        ends = [_ends(c, population.name, starts) for c in network.connections]
        messages = [
            2 * len(network.sends.get(c.source, ())) + (c.source.population == population.name)
            for c in network.connections
        ]
        own = np.concatenate([e[0] for e in ends])
        theirs = np.concatenate([e[1] for e in ends])
        weights = np.concatenate([np.full(e[0].size, m) for e, m in zip(ends, messages, strict=True)])
        homes[population.name] = _most(own, theirs, weights, population.size, count)
    return homes


def _ends(connection: Connection, name: str, starts: dict[str, int]) -> tuple[Integers, Integers]:
    """The neurons of population `name` and the state neurons that the connection joins, synapse by synapse."""
    source, target = connection.source.population, connection.target.population
    if source == name and target in starts:
        return connection.columns, starts[target] + connection.rows
    if target == name and source in starts:
        return connection.rows, starts[source] + connection.columns
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


def _most(own: Integers, theirs: Integers, weights: Integers, size: int, count: int) -> Integers:
    """For each of `size` neurons the partner of most weight, of equals the first; without one, the last of all."""
    pairs, where = np.unique(own * count + theirs, return_inverse=True)
    totals = np.bincount(where, weights=weights, minlength=pairs.size)
    neurons, partners = np.divmod(pairs, count)
    order = np.lexsort((partners, -totals, neurons))
    first = np.unique(neurons[order], return_index=True)[1]
    best = np.full(size, count - 1)
    best[neurons[order][first]] = partners[order][first]
    return best
