"""The neurons of a network in the order in which they are placed, and the synapses that each brings along.

First fit gives each core a stretch of every population's line: once a core has no room for a neuron, it takes no later
one of that population. So of each synapse it is enough to know how many from the same source stand before it in the
line, and how many of those lie before the stretch: what a core has met is the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from compiler.mapping.mapped_network import Connection, MappedNetwork, Population
from hw_models.arrays import Integers

Piece: TypeAlias = tuple[Population, Integers]
"""Rows of a population, to be placed in this order."""


@dataclass(frozen=True)
class Synapses:
    """A connection's synapses, in the order of its targets."""

    sources: int
    columns: np.ndarray
    """the source of each"""
    ranks: np.ndarray
    """how many from the same source stand before it"""
    ends: Integers
    """how many belong to the first 0, 1, 2, ... targets"""

    @staticmethod
    def of(connection: Connection, rows: Integers) -> Synapses:
        """Those of `connection`, whose targets come in the order `rows`."""
        here = connection.weights != 0
        targets, columns = connection.rows[here], connection.columns[here].astype(np.int32)
        place = np.empty(connection.shape[0], np.int64)
        place[rows] = np.arange(rows.size)
        degrees = np.bincount(targets, minlength=connection.shape[0])[rows]
        columns = columns[_order(place[targets])]
        return Synapses(connection.shape[1], columns, _ranks(columns), np.concatenate([[0], np.cumsum(degrees)]))


@dataclass(frozen=True)
class PopulationRows:
    """A population's rows in the order in which they are placed, and the synapses into them."""

    population: Population
    rows: Integers
    synapses: tuple[Synapses, ...]


@dataclass(frozen=True)
class Order:
    """Which populations come one after another, with how many rows each time, and each population's line."""

    pieces: tuple[tuple[str, int], ...]
    lines: dict[str, PopulationRows]

    @staticmethod
    def of(network: MappedNetwork, pieces: Sequence[Piece]) -> Order:
        """All rows of the network, in the order of the pieces."""
        lines: dict[str, PopulationRows] = {}
        for p in network.populations:
            parts = [rows for population, rows in pieces if population.name == p.name]
            rows = np.concatenate([np.zeros(0, np.int64), *parts])
            into = tuple(Synapses.of(c, rows) for c in network.connections if c.target.population == p.name)
            lines[p.name] = PopulationRows(p, rows, into)
        return Order(tuple((population.name, rows.size) for population, rows in pieces), lines)


@dataclass
class Queue:
    """A line while cores are filled: `start` is where the stretch of the core that takes from it now begins."""

    line: PopulationRows
    entries: Integers
    """of the axon map, that the first 0, 1, 2, ... rows need"""
    start: int = 0
    position: int = 0
    earlier: list[Integers] = field(default_factory=list)
    """for each connection: how many synapses of each source lie before `start`"""

    @staticmethod
    def of(line: PopulationRows, entries: Integers) -> Queue:
        """The line at its beginning; `entries` are those of each row of the population."""
        total = np.concatenate([[0], np.cumsum(entries[line.rows])])
        return Queue(line, total, earlier=[np.zeros(s.sources, np.int64) for s in line.synapses])

    @property
    def held(self) -> int:
        """How many rows the core has taken."""
        return self.position - self.start

    def next_core(self) -> None:
        """The core takes no more: what comes next begins another one's stretch."""
        if self.held:
            for s, earlier in zip(self.line.synapses, self.earlier, strict=True):
                stretch = s.columns[s.ends[self.start] : s.ends[self.position]]
                earlier += np.bincount(stretch, minlength=s.sources)
            self.start = self.position


def _order(values: np.ndarray) -> Integers:
    """Sorts the values, equal ones as they stand."""
    # NumPy counts what has 16 bits, and compares what has more.
    return np.argsort(values.astype(np.uint16) if values.max(initial=0) < 2**16 else values, kind="stable")


def _ranks(values: np.ndarray) -> np.ndarray:
    """How often each value stands before its own place."""
    order = _order(values)
    ranked = values[order]
    places = np.arange(values.size, dtype=np.int32)
    first = np.concatenate([[True], ranked[1:] != ranked[:-1]])[: values.size]
    result = np.empty(values.size, np.int32)
    result[order] = places - np.maximum.accumulate(np.where(first, places, 0))
    return result
