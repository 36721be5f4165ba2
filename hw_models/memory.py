"""What neurons, axons and synapses take of a core's memory: the arithmetic of a chip file's `Memory`."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from hw_models.arrays import Floats, Integers
from hw_models.constants import Memory

RESOURCES = ("words", "synapses", "neurons", "in-axons", "axon map", "programs")
"""What a core has a limit of, as `Load.used` counts it and in its order; the first is the memory as a whole."""


def neuron_units(memory: Memory, words: int) -> int:
    """Units of a neuron with this many words."""
    return max(1, -(-words // memory.state_words_per_unit))


def synapse_words(memory: Memory, synapses: npt.ArrayLike, bits: float | None = None) -> Integers:
    """Words of an axon's synapses on one core, packed in blocks; `bits` a synapse, the file's default where None.

    Zero weights are not synapses.
    """
    wide = memory.synapse_bits.default if bits is None else bits

    def block(packed: npt.ArrayLike) -> Integers:
        taken = np.ceil((memory.synapse_header_bits + np.asarray(packed) * wide) / memory.synapse_word_bits)
        return taken.astype(np.int64)

    whole, rest = np.divmod(np.asarray(synapses, np.int64), memory.synapse_block)
    return whole * block(memory.synapse_block) + np.where(rest > 0, block(rest), 0)


@dataclass(frozen=True)
class Load:
    """What is used of one core, or of many: arrays of one shape, an element a core (or a trial)."""

    units: Integers
    """units of neurons' words"""
    in_axons: Integers
    synapse_words: Integers
    axon_map: Integers
    programs: Integers

    def words(self, memory: Memory) -> Floats:
        """Words of the whole memory."""
        return (
            memory.neuron_unit_words * self.units
            + memory.in_axon_words * self.in_axons
            + memory.axon_map_words * self.axon_map
            + self.synapse_words
        )

    def used(self, memory: Memory) -> Floats:
        """How much is used of each of `RESOURCES`: (resources, ...)."""
        parts = (self.words(memory), self.synapse_words, self.units, self.in_axons, self.axon_map, self.programs)
        return np.stack([np.asarray(part, np.float64) for part in parts])

    def shares(self, memory: Memory) -> Floats:
        """The same as shares of the limits: above 1 is too much."""
        used = self.used(memory)
        return used / limits(memory).reshape(-1, *(1,) * (used.ndim - 1))

    def fits(self, memory: Memory) -> npt.NDArray[np.bool_]:
        """Whether all is within the limits."""
        return np.all(self.shares(memory) <= 1, axis=0)

    def __add__(self, other: Load) -> Load:
        return Load(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def at(self, index: int) -> Load:
        """One element."""
        return Load(*(np.asarray(getattr(self, f.name)[index]) for f in fields(self)))


def limits(memory: Memory) -> Floats:
    """The most of each of `RESOURCES`."""
    return np.array(
        [
            memory.words,
            memory.synapse_words,
            memory.neuron_units,
            memory.in_axons,
            memory.axon_map,
            memory.programs,
        ],
        np.float64,
    )
