"""A mapped network: what a chip is given. Plain data; `populations`, `schedule` and `assembly` make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from compiler.assembly.population import Population
from compiler.mapping.connection import Connection, Port
from compiler.mapping.titles import amount, size_title, titles
from hw_models.arrays import Integers
from hw_models.notebook_repr import Shown

__all__ = ["Connection", "Integers", "MappedNetwork", "Population", "Port", "StateMonitor"]


@dataclass(frozen=True)
class StateMonitor:
    """Where a state is found after each sample: in `word` of `population` when tick `tick` of the sample has run.

    Ticks from ticks_per_sample on lie in later samples.
    """

    state: str
    population: str
    word: str
    tick: int


@dataclass(frozen=True, repr=False)
class MappedNetwork(Shown):
    """Populations and connections with their timing.

    Sample k's features enter at tick k * ticks_per_sample (ticks count from 0); its result leaves at tick
    latency + k * ticks_per_sample. At all other ticks the output carries 0. `sends` has the ticks, below
    ticks_per_sample, at which each message port sends and the value sent, and the input's port among them: of the
    sample that entered last or, where samples overlap, of one before.
    """

    populations: tuple[Population, ...]
    connections: tuple[Connection, ...]
    input_size: int
    output_size: int
    ticks_per_sample: int
    latency: int
    monitors: tuple[StateMonitor, ...]
    sends: dict[Port, dict[int, str]]
    values: Mapping[str, str] = field(default_factory=dict, compare=False)
    """of the graph's values, which population computes or receives each; empty where it was read from a file"""

    def __str__(self) -> str:
        named = titles(self)
        each = [f"  {named[p.name]}: {size_title(p)}" for p in self.populations]
        ticks = f"{amount(self.ticks_per_sample, 'tick')} a sample, the answer after {self.latency}"
        parts = f"{amount(len(each), 'population')}, {amount(len(self.connections), 'connection')}"
        return "\n".join([f"{parts}; {ticks}", *each])

    @property
    def neurons(self) -> int:
        """Of all populations."""
        return sum(p.size for p in self.populations)

    @property
    def synapses(self) -> int:
        """Weights that are not zero."""
        return sum(int(np.count_nonzero(c.weights)) for c in self.connections)

    @property
    def processes(self) -> int:
        """Lava's processes, the host's two ends counted."""
        return len(self.populations) + len(self.connections) + 2

    @property
    def overlaps(self) -> bool:
        """Whether a sample is still in the network when the next one enters."""
        return self.latency > self.ticks_per_sample or any(p.tick >= self.ticks_per_sample for p in self.monitors)
