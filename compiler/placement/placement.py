"""`Placement`: which core holds which neurons, what that takes of each core, and as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.titles import titles
from compiler.placement.deliveries import OUTSIDE, Deliveries, deliveries, words_per_neuron
from hw_models.arrays import Integers
from hw_models.chip import Chip
from hw_models.constants import Memory
from hw_models.memory import RESOURCES, Load, neuron_units, synapse_words
from hw_models.notebook_repr import Shown


@dataclass(frozen=True, eq=False, repr=False)
class Placement(Shown):
    """The neurons of `network` on cores of `chip`, numbered from 0; chip 0 has the first ones."""

    network: MappedNetwork
    chip: Chip
    memory: Memory
    bits: float
    """of a packed synapse"""
    cores: dict[str, Integers]
    """by population: the core of each neuron"""
    count: int

    @cached_property
    def load(self) -> Load:
        """What each core holds."""
        return self._load(self.bits)

    @cached_property
    def deliveries(self) -> tuple[Deliveries, ...]:
        """Where the messages of each connection go."""
        return deliveries(self.network, self.cores)

    @property
    def chips(self) -> int:
        """Chips that have neurons."""
        return -(-self.count // (self.chip.cores or self.count or 1))

    @cached_property
    def crossing(self) -> int:
        """Messages from core to core in a sample, if all are sent."""
        total = 0
        for sent in self.deliveries:
            inside = (sent.sources != OUTSIDE) & (sent.targets != OUTSIDE)
            messages = int(np.count_nonzero(inside & (sent.sources != sent.targets)))
            total += messages * len(self.network.sends.get(sent.connection.source, ()))
        return total

    @cached_property
    def bottleneck(self) -> tuple[str, float]:
        """The resource that is scarcest on any core, one of `RESOURCES`, and the share of it that is used.

        Larger layers need no more programs, so these count only where a core has no room for another one.
        """
        shares = self.load.shares(self.memory).max(axis=1, initial=0.0)
        shares[RESOURCES.index("programs")] *= shares[RESOURCES.index("programs")] >= 1
        return RESOURCES[int(shares.argmax())], float(shares.max())

    def fits_at(self, bits: float) -> bool:
        """Whether the same cores would do if a packed synapse had this many bits."""
        return bool(self._load(bits).fits(self.memory).all())

    def _load(self, bits: float) -> Load:
        units, programs = np.zeros(self.count, np.int64), np.zeros(self.count, np.int64)
        in_axons, synapses, axon_map = units.copy(), units.copy(), units.copy()
        for population in self.network.populations:
            neurons = np.bincount(self.cores[population.name], minlength=self.count)
            units += neurons * neuron_units(self.memory, words_per_neuron(population))
            programs += neurons > 0
        for sent in self.deliveries:
            inside = sent.targets != OUTSIDE
            targets = sent.targets[inside]
            in_axons += np.bincount(targets, minlength=self.count)
            packed = synapse_words(self.memory, sent.synapses[inside], bits)
            synapses += np.bincount(targets, weights=packed, minlength=self.count).astype(np.int64)
            axon_map += np.bincount(sent.sources[sent.sources != OUTSIDE], minlength=self.count)
        return Load(units, in_axons, synapses, axon_map, programs)

    def neurons(self, core: int) -> dict[str, int]:
        """How many neurons of each population a core holds."""
        held = {name: int(np.count_nonzero(cores == core)) for name, cores in self.cores.items()}
        return {name: n for name, n in held.items() if n}

    def __repr__(self) -> str:
        return f"Placement(chip {self.chip.name}, {self.count} cores, {self.chips} chips)"

    def __str__(self) -> str:
        fits = "" if self.chip.cores is None else f" of {self.chip.cores * self.chip.chips:,}"
        chips = f"{self.chips} chip{'s' if self.chips > 1 else ''}"
        lines = [
            f"Placement on {self.chip.title} ({self.chip.name}): {self.count}{fits} cores, {chips}; "
            f"{self.crossing:,} messages a sample from core to core, at most"
        ]
        lines.append(f"{'core':>5} {'neurons':>8} " + " ".join(f"{name:>9}" for name in RESOURCES) + "  populations")
        shares, named = self.load.shares(self.memory), titles(self.network)
        for core in range(self.count):
            held = self.neurons(core)
            parts = ", ".join(f"{named[name]} {n:,}" for name, n in held.items())
            lines.append(f"{core:>5} {sum(held.values()):>8,} {_percents(shares[:, core])}  {parts}")
        total = self.network.neurons
        lines.append(f"{'all':>5} {total:>8,} {_percents(shares.mean(axis=1) if self.count else shares.sum(axis=1))}")
        name, share = self.bottleneck
        lines.append(f"bottleneck: {name}, {share:.1%} on the fullest core")
        low, high = self.memory.synapse_bits.low, self.memory.synapse_bits.high
        still = "would still suffice" if self.fits_at(high) else "would be overfull"
        lines.append(
            f"a packed synapse is assumed to have {self.bits:g} bits, where only {low:g} to {high:g} is known; "
            f"at {high:g} bits these cores {still}"
        )
        return "\n".join(lines)


def _percents(shares: np.ndarray) -> str:
    return " ".join(f"{share:>9.1%}" for share in shares)
