"""The formats of a network's integers: fraction bits of each value, and the states that carry on what they lose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from compiler.quantize.fractions import find_fractions, taken_by_states
from compiler.quantize.natural_fractions import find_natural
from compiler.quantize.precision import LIMITS
from compiler.quantize.ranged import Ranged
from compiler.quantize.slow_states import Carried, find_carried

SPARE_BITS = 2
"""How many bits of its word a value may leave unused where its integers would not fit."""


@dataclass(frozen=True, eq=False)
class Formats:
    """How precisely each value of a float graph is held."""

    ranged: Ranged
    carried: Mapping[str, Carried]
    """sums of a state and its step, by their results, that lose nothing"""
    fewer: Mapping[str, int] = field(default_factory=dict)
    """how many bits less of their words values fill"""

    @cached_property
    def fractions(self) -> dict[str, int]:
        """The fraction bits of every value and state."""
        natural = find_natural(self.ranged, self.fewer)
        steps = {out: c.step for out, c in self.carried.items()}
        return find_fractions(self.ranged, natural, steps)

    @cached_property
    def taken(self) -> frozenset[str]:
        """The values that states take: see fractions.py."""
        return taken_by_states(self.ranged.graph, self.carried)

    def narrower(self, value: str) -> Formats | None:
        """The same with a bit less in the word of `value`, where that can be spared."""
        fewer = {**self.fewer, value: self.fewer.get(value, 0) + 1}
        narrow = self.ranged.precision.at(value).word - fewer[value] < LIMITS["word"][0]
        return None if narrow or fewer[value] > SPARE_BITS else replace(self, fewer=fewer)


def choose_formats(ranged: Ranged) -> Formats:
    """The formats with which each value fills its word as far as its readers have a use for it."""
    return Formats(ranged, find_carried(ranged, find_natural(ranged)))
