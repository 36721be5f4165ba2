"""In which order neurons are put into cores: what stands together lands together."""

from __future__ import annotations

import numpy as np

from compiler.mapping.network import Connection, Integers, MappedNetwork
from compiler.placement.filling import Piece


def in_order(network: MappedNetwork) -> list[Piece]:
    """Population after population, row after row."""
    return [(p, np.arange(p.size)) for p in network.populations]


def by_source(network: MappedNetwork) -> list[Piece]:
    """Population after population, rows that hear the same neurons together: fewer in-axons."""
    pieces: list[Piece] = []
    for population in network.populations:
        first = np.full(population.size, np.iinfo(np.int64).max)
        for connection in network.connections:
            if connection.target.population == population.name:
                np.minimum.at(first, connection.rows, connection.columns)
        pieces.append((population, np.argsort(first, kind="stable")))
    return pieces


def around_states(network: MappedNetwork) -> list[Piece]:
    """State neuron after state neuron, each with those that exchange most messages with it: less between cores."""
    homes = _homes(network)
    if not homes:
        return in_order(network)
    populations = {p.name: p for p in network.populations}
    names = [p.name for p in network.populations]
    home = np.concatenate([homes[name] for name in names])
    number = np.repeat(np.arange(len(names)), [populations[name].size for name in names])
    row = np.concatenate([np.arange(populations[name].size) for name in names])
    order = np.lexsort((row, number, home))
    number, row, home = number[order], row[order], home[order]
    cuts = np.flatnonzero((np.diff(number) != 0) | (np.diff(home) != 0)) + 1
    parts = zip(np.split(number, cuts), np.split(row, cuts), strict=True)
    return [(populations[names[int(part[0])]], rows) for part, rows in parts]


def _homes(network: MappedNetwork) -> dict[str, Integers]:
    """For each neuron the number of a state neuron: the one with which it exchanges most messages of a sample."""
    starts: dict[str, int] = {}
    count = 0
    for population in network.populations:
        if population.states:
            starts[population.name] = count
            count += population.size
    if not starts:
        return {}
    homes: dict[str, Integers] = {}
    for population in network.populations:
        if population.name in starts:
            homes[population.name] = starts[population.name] + np.arange(population.size)
            continue
        ends = [_ends(c, population.name, starts) for c in network.connections]
        messages = [len(network.sends.get(c.source, ())) for c in network.connections]
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
