"""What is made of a proven network when it is first needed, and kept: mappings and placements, by what they are for."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.mapper import map_network
from compiler.mapping.options import Options
from compiler.placement.placement import Placement
from compiler.placement.search import memory_of, place
from compiler.ranges.proven import Proven
from hw_models.chip import Chip

T = TypeVar("T")

MOST_KEPT = 4
"""How many mappings, and how many placements, are remembered"""


class _LastFew(Generic[T]):
    """The last few things that were made. Chips do not hash, so what they were made for is compared."""

    def __init__(self) -> None:
        self._made: list[tuple[tuple[object, ...], T]] = []

    def get(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        for known, thing in self._made:
            if known == key:
                return thing
        thing = make()
        self._made = [*self._made, (key, thing)][-MOST_KEPT:]
        return thing


class Prepared:
    """A proven network for a chip, with its mappings and placements."""

    def __init__(self, proven: Proven, chip: Chip) -> None:
        self.proven, self.chip = proven, chip
        self._mappings, self._placements = _LastFew[MappedNetwork](), _LastFew[Placement]()
        self._arranged = _LastFew[Placement]()

    def on(self, chip: Chip) -> Prepared:
        """The same network for another chip; what is kept, both know."""
        other = copy(self)
        other.chip = chip
        return other

    def mapped(self, reset_interval: int | None = None, options: Options | None = None) -> MappedNetwork:
        """The network mapped: print, placement, cost and runs ask for the same one. How many chips changes nothing."""
        key = (replace(self.chip, chips=1), reset_interval, options)
        return self._mappings.get(key, lambda: map_network(self.proven.graph, self.chip, reset_interval, options))

    def placed(self, cores: int = 1, options: Options | None = None) -> Placement:
        """Its neurons on cores of the chip, at least on this many. Raises `ChipError` where they do not fit."""
        memory_of(self.chip)  # before anything is mapped
        known = partial(self._arranged.get, (replace(self.chip, chips=1), cores, options))
        return self._placements.get(
            (self.chip, cores, options),
            lambda: place(self.mapped(options=options), self.chip, spread=cores, keep=known),
        )
