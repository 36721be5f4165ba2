"""First fit: pieces of populations, row after row, into the first core that has room for them.

What a row takes depends on what the core holds already: an axon that comes in serves all its rows there, and its
synapses are packed together. `_Core.after` gives the load after each of some rows at once; a core is asked for a few
rows first, and for twice as many each time that all of them fit, so that little is counted that does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from compiler.mapping.mapped_network import MappedNetwork
from compiler.placement.deliveries import words_per_neuron
from compiler.placement.neuron_order import Order, Queue
from hw_models.arrays import Integers
from hw_models.constants import Memory
from hw_models.errors import PlacementError
from hw_models.memory import RESOURCES, Load, limits, neuron_units, synapse_words

AxonEntries: TypeAlias = Mapping[str, Integers]
"""By population: how many entries of its core's axon map each neuron is taken to need."""

FIRST_ROWS = 16
"""This many rows a core is asked for first."""


class TooLargeError(PlacementError):
    """A neuron does not fit an empty core: no number of cores is enough."""


class Filler:
    """Fills cores with the neurons of one network; `bits` a packed synapse, the chip file's default where None.

    No core gets more of a population than its even share of `spread` cores.
    """

    def __init__(self, network: MappedNetwork, memory: Memory, bits: float | None = None, spread: int = 1) -> None:
        self.network, self.memory = network, memory
        self.share = {p.name: -(-p.size // spread) for p in network.populations}
        self.bits = memory.synapse_bits.default if bits is None else bits
        self.units = {p.name: neuron_units(memory, words_per_neuron(p)) for p in network.populations}
        most = max((c.shape[0] for c in network.connections if c.target.population is not None), default=0)
        self.more = np.diff(synapse_words(memory, np.arange(most + 1), self.bits))
        """the words by which an axon's synapses grow, by how many it has already"""

    def fill(self, order: Order, entries: AxonEntries) -> tuple[dict[str, Integers], int]:
        """The core of each neuron, and how many cores. Raises `PlacementError` for a neuron that fits none."""
        placed = {p.name: np.zeros(p.size, np.int64) for p in self.network.populations}
        queues = {name: Queue.of(line, entries[name]) for name, line in order.lines.items()}
        cores: list[_Core] = []
        for name, left in order.pieces:
            queue, number = queues[name], 0
            while left:
                if number == len(cores):
                    cores.append(_Core(self))
                before = queue.position
                taken = cores[number].take(queue, left)
                if not taken and cores[number].empty:
                    raise self._too_large(queue)
                placed[name][queue.line.rows[before : before + taken]] = number
                left, number = left - taken, number + 1
        return placed, len(cores)

    def _too_large(self, queue: Queue) -> TooLargeError:
        used, most = _Core(self).after(queue, 1).used(self.memory)[:, 0], limits(self.memory)
        over = [
            f"{name}: {n:,.10g} of {limit:,.10g}"
            for name, n, limit in zip(RESOURCES, used, most, strict=True)
            if n > limit
        ]
        return TooLargeError(
            "a neuron does not fit an empty core",
            where=f"population {queue.line.population.name}, neuron {int(queue.line.rows[queue.position])}",
            numbers="; ".join(over),
            advice="Give it fewer inputs and targets, by a sparser wiring or smaller layers, or take a chip with more.",
        )


class _Core:
    """A core while it is filled."""

    def __init__(self, filler: Filler) -> None:
        self._filler = filler
        self._load = Load(*(np.zeros(1, np.int64) for _ in range(5)))
        self._full: set[str] = set()
        """populations of which a row did not fit"""

    @property
    def empty(self) -> bool:
        """Whether nothing is here yet."""
        return not self._load.programs[0]

    def take(self, queue: Queue, rows: int) -> int:
        """Take as many of the queue's next `rows` as fit; returns how many."""
        name, taken, asked = queue.line.population.name, 0, FIRST_ROWS
        while name not in self._full and taken < rows:
            asked = min(asked, rows - taken)
            more = self._take(queue, asked)
            if more < asked:
                self._full.add(name)
                queue.next_core()
            taken, asked = taken + more, 2 * asked
        return taken

    def _take(self, queue: Queue, rows: int) -> int:
        load = self.after(queue, rows)
        fits = load.fits(self._filler.memory)
        taken = fits.size if fits.all() else int(fits.argmin())
        if taken:
            self._load = Load(*(part[None] for part in vars(load.at(taken - 1)).values()))
            queue.position += taken
        return taken

    def after(self, queue: Queue, rows: int) -> Load:
        """The load when 1, 2, ... of the queue's next `rows` are here; those that are surely too many are left out."""
        name, first = queue.line.population.name, queue.position
        last = first + self._at_most(queue, rows)
        in_axons, packed = np.zeros(last - first, np.int64), np.zeros(last - first, np.int64)
        for synapses, earlier in zip(queue.line.synapses, queue.earlier, strict=True):
            ends = synapses.ends[first : last + 1]
            here = slice(ends[0], ends[-1])
            met = synapses.ranks[here] - earlier[synapses.columns[here]]
            in_axons += _up_to(met == 0, ends[1:] - ends[0])
            packed += _up_to(self._filler.more[met], ends[1:] - ends[0])
        here = self._load
        return Load(
            here.units + self._filler.units[name] * np.arange(1, last - first + 1),
            here.in_axons + in_axons,
            here.synapse_words + packed,
            here.axon_map + queue.entries[first + 1 : last + 1] - queue.entries[first],
            here.programs + np.full(last - first, not queue.held),
        )

    def _at_most(self, queue: Queue, rows: int) -> int:
        """The population's share or, if less, one row more than fits if there are only units, or synapses' bits."""
        filler, memory, name, first = self._filler, self._filler.memory, queue.line.population.name, queue.position
        free = memory.neuron_units - int(self._load.units[0])
        most = min(rows, free // filler.units[name] + 1, filler.share[name] - queue.held)
        degrees = sum(
            (s.ends[first + 1 : first + most + 1] - s.ends[first] for s in queue.line.synapses),
            np.zeros(most, np.int64),
        )
        room = (memory.synapse_words - int(self._load.synapse_words[0])) * memory.synapse_word_bits / filler.bits
        return min(most, int(np.searchsorted(degrees, room, side="right")) + 1)


def _up_to(values: np.ndarray, ends: Integers) -> Integers:
    """The sum of the first ends[i] of `values`, for each i."""
    return np.concatenate([[0], np.cumsum(values, dtype=np.int64)])[ends]
