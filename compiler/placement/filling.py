"""First fit: pieces of populations, row after row, into the first core that has room for them.

What a row takes depends on what the core holds already: an axon that comes in serves all its rows there, and its
synapses are packed together. `_Core.after` gives the load after each row of a piece at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from compiler.mapping.network import Connection, Integers, MappedNetwork, Population
from compiler.placement.deliveries import words_per_neuron
from hw_models.constants import Memory
from hw_models.errors import PlacementError
from hw_models.memory import RESOURCES, Load, limits, neuron_units, synapse_words

Piece: TypeAlias = tuple[Population, Integers]
"""Rows of a population, to be placed in this order."""

Entries: TypeAlias = Mapping[str, Integers]
"""By population: how many entries of its core's axon map each neuron is taken to need."""


class TooLargeError(PlacementError):
    """A neuron does not fit an empty core: no number of cores is enough."""



@dataclass(frozen=True)
class _Wire:
    """A connection's synapses, row by row of the target: those of row r are columns[starts[r] : starts[r + 1]]."""

    sources: int
    starts: Integers
    columns: Integers

    @staticmethod
    def of(connection: Connection) -> _Wire:
        here = connection.weights != 0
        rows, columns = connection.rows[here], connection.columns[here]
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=connection.shape[0]))])
        return _Wire(connection.shape[1], starts, columns[np.argsort(rows, kind="stable")])

    def degrees(self, rows: Integers) -> Integers:
        """Synapses of each of `rows`."""
        return self.starts[rows + 1] - self.starts[rows]

    def columns_of(self, rows: Integers) -> tuple[Integers, Integers]:
        """The columns of `rows`, one row after another, and how many there are up to the end of each."""
        degrees = self.degrees(rows)
        ends = np.cumsum(degrees)
        return self.columns[np.arange(degrees.sum()) + np.repeat(self.starts[rows] - ends + degrees, degrees)], ends


class Filler:
    """Fills cores with the neurons of one network; `bits` a packed synapse, the chip file's default where None.

    No core gets more of a population than its even share of `spread` cores.
    """

    def __init__(self, network: MappedNetwork, memory: Memory, bits: float | None = None, spread: int = 1) -> None:
        self.network, self.memory = network, memory
        self.share = {p.name: -(-p.size // spread) for p in network.populations}
        self.bits = memory.synapse_bits.default if bits is None else bits
        self.units = {p.name: neuron_units(memory, words_per_neuron(p)) for p in network.populations}
        self.into: dict[str, list[_Wire]] = {p.name: [] for p in network.populations}
        most = 0
        for c in network.connections:
            if c.target.population is not None:
                self.into[c.target.population].append(_Wire.of(c))
                most = max(most, c.shape[0])
        self.packed = synapse_words(memory, np.arange(most + 1), self.bits)

    def fill(self, pieces: Iterable[Piece], entries: Entries) -> tuple[dict[str, Integers], int]:
        """The core of each neuron, and how many cores. Raises `PlacementError` for a neuron that fits none."""
        placed = {p.name: np.zeros(p.size, np.int64) for p in self.network.populations}
        cores: list[_Core] = []
        for population, rows in pieces:
            number = 0
            while rows.size:
                if number == len(cores):
                    cores.append(_Core(self))
                taken = cores[number].take(population.name, rows, entries[population.name])
                if not taken and cores[number].empty:
                    raise self._too_large(population, int(rows[0]), entries[population.name])
                placed[population.name][rows[:taken]] = number
                rows, number = rows[taken:], number + 1
        return placed, len(cores)

    def _too_large(self, population: Population, row: int, entries: Integers) -> TooLargeError:
        load = _Core(self).after(population.name, np.array([row]), entries)
        used, most = load.used(self.memory)[:, 0], limits(self.memory)
        over = [
            f"{name}: {n:,.10g} of {limit:,.10g}"
            for name, n, limit in zip(RESOURCES, used, most, strict=True)
            if n > limit
        ]
        return TooLargeError(
            "a neuron does not fit an empty core",
            where=f"population {population.name}, neuron {row}",
            numbers="; ".join(over),
            advice="Give it fewer inputs and targets, by a sparser wiring or smaller layers, or take a chip with more.",
        )


class _Core:
    """A core while it is filled."""

    def __init__(self, filler: Filler) -> None:
        self._filler = filler
        self._load = Load(*(np.zeros(1, np.int64) for _ in range(5)))
        self._held: dict[str, int] = {}
        self._full: set[str] = set()
        """populations of which a row did not fit"""
        self._met: dict[str, list[Integers]] = {}
        """of each population held: for each connection into it, the synapses that each source meets here"""

    @property
    def empty(self) -> bool:
        """Whether nothing is here yet."""
        return not self._load.programs[0]

    def take(self, name: str, rows: Integers, entries: Integers) -> int:
        """Take as many of the first `rows` as fit; returns how many."""
        if name in self._full:
            return 0
        load = self.after(name, rows, entries)
        fits = load.fits(self._filler.memory)
        taken = fits.size if fits.all() else int(fits.argmin())
        if taken:
            self._held[name] = self._held.get(name, 0) + taken
            self._load = Load(*(part[None] for part in vars(load.at(taken - 1)).values()))
            met = self._met.setdefault(name, [np.zeros(w.sources, np.int64) for w in self._filler.into[name]])
            for wire, counts in zip(self._filler.into[name], met, strict=True):
                counts += np.bincount(wire.columns_of(rows[:taken])[0], minlength=counts.size)
        if taken < rows.size:
            self._full.add(name)
            self._met.pop(name, None)
        return taken

    def after(self, name: str, rows: Integers, entries: Integers) -> Load:
        """The load when 1, 2, ... of `rows` are here; those that are surely too many are left out."""
        filler, wires = self._filler, self._filler.into[name]
        rows = rows[: self._at_most(name, rows)]
        in_axons, packed = np.zeros(rows.size, np.int64), np.zeros(rows.size, np.int64)
        met = self._met.get(name) or [np.zeros(w.sources, np.int64) for w in wires]
        for wire, counts in zip(wires, met, strict=True):
            columns, ends = wire.columns_of(rows)
            before = counts[columns] + _repeats(columns)
            in_axons += _up_to(before == 0, ends)
            packed += _up_to(filler.packed[before + 1] - filler.packed[before], ends)
        here = self._load
        return Load(
            here.units + filler.units[name] * np.arange(1, rows.size + 1),
            here.in_axons + in_axons,
            here.synapse_words + packed,
            here.axon_map + np.cumsum(entries[rows]),
            here.programs + np.full(rows.size, name not in self._met),
        )

    def _at_most(self, name: str, rows: Integers) -> int:
        """The population's share or, if less, one row more than fits if there are only units, or synapses' bits."""
        filler, memory = self._filler, self._filler.memory
        free = memory.neuron_units - int(self._load.units[0])
        most = min(rows.size, free // filler.units[name] + 1, filler.share[name] - self._held.get(name, 0))
        degrees = sum((w.degrees(rows[:most]) for w in filler.into[name]), np.zeros(most, np.int64))
        room = (memory.synapse_words - int(self._load.synapse_words[0])) * memory.synapse_word_bits / filler.bits
        return min(most, int(np.searchsorted(np.cumsum(degrees), room, side="right")) + 1)


def _repeats(values: Integers) -> Integers:
    """How often each value stands before its own place."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    places = np.arange(values.size)
    first = np.concatenate([[True], ranked[1:] != ranked[:-1]])[: values.size]
    result = np.empty(values.size, np.int64)
    result[order] = places - np.maximum.accumulate(np.where(first, places, 0))
    return result


def _up_to(values: np.ndarray, ends: Integers) -> Integers:
    """The sum of the first ends[i] of `values`, for each i."""
    return np.concatenate([[0], np.cumsum(values)])[ends].astype(np.int64)
