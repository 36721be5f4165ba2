"""What is made of a compiled network when it is first needed, and kept: mappings, and what executors make ready."""

from __future__ import annotations

from dataclasses import replace
from typing import Generic, TypeVar

from compiler.mapping.mapper import map_network
from compiler.mapping.network import MappedNetwork
from compiler.mapping.options import Options
from compiler.ranges.proven import Proven
from compiler.running.executor import Executor, Runner
from hw_models.chip import Chip

T = TypeVar("T")

_KEPT_MAPPINGS = 4
"""How many mappings are remembered"""


class Prepared:
    """A compiled network for a chip, with its mappings."""

    def __init__(self, proven: Proven, chip: Chip) -> None:
        self.proven, self.chip = proven, chip
        self._mappings: dict[tuple[int | None, Options | None], MappedNetwork] = {}

    def mapped(self, reset_interval: int | None = None, options: Options | None = None) -> MappedNetwork:
        """The network mapped: print, placement, cost and runs ask for the same one."""
        key = (reset_interval, options)
        if key not in self._mappings:
            while len(self._mappings) >= _KEPT_MAPPINGS:
                del self._mappings[next(iter(self._mappings))]
            self._mappings[key] = map_network(self.proven.graph, self.chip, reset_interval, options)
        return self._mappings[key]

    def on(self, chip: Chip) -> Prepared:
        """The same for another chip; how many chips there are changes no mapping."""
        alike = replace(chip, chips=self.chip.chips) == self.chip
        return self if alike else Prepared(self.proven, chip)


class Runners(Generic[T]):
    """What executors have made ready of a network, each when it is first asked for."""

    def __init__(self, net: T, chip: Chip) -> None:
        self.net, self._chip = net, chip
        self._ready: dict[Executor[T], Runner] = {}

    def on(self, executor: Executor[T]) -> Runner:
        """The executor, ready to run the network. Raises `ChipError` or `MissingExtraError` where it cannot."""
        if executor not in self._ready:
            executor.require(self._chip)
            self._ready[executor] = executor.prepare(self.net)
        return self._ready[executor]
