"""What is made of a compiled network when it is first needed, and kept: mappings, and what executors make ready."""

from __future__ import annotations

from compiler.graph.graph import Graph
from compiler.mapping.mapper import map_network
from compiler.mapping.network import MappedNetwork
from compiler.mapping.options import Options
from compiler.running.executor import Executor, Runner
from hw_models.chip import Chip

_KEPT_MAPPINGS = 4
"""How many mappings are remembered"""


class Prepared:
    """A compiled network with its mappings and runners."""

    def __init__(self, graph: Graph, chip: Chip) -> None:
        self.graph, self.chip = graph, chip
        self._mappings: dict[tuple[int | None, Options | None], MappedNetwork] = {}
        self._runners: dict[Executor, Runner] = {}

    def mapped(self, reset_interval: int | None = None, options: Options | None = None) -> MappedNetwork:
        """The network mapped: print, placement, cost and runs ask for the same one."""
        key = (reset_interval, options)
        if key not in self._mappings:
            while len(self._mappings) >= _KEPT_MAPPINGS:
                del self._mappings[next(iter(self._mappings))]
            self._mappings[key] = map_network(self.graph, self.chip, reset_interval, options)
        return self._mappings[key]

    def keep(self, network: MappedNetwork) -> None:
        """Remember the mapping without options and resets, which somebody has made already."""
        self._mappings[None, None] = network

    def on(self, executor: Executor) -> Runner:
        """The executor, ready to run the network. Raises `ChipError` or `MissingExtraError` where it cannot."""
        if executor not in self._runners:
            executor.require(self.chip)
            self._runners[executor] = executor.prepare(self)
        return self._runners[executor]
