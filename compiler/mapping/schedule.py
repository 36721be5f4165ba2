"""When everything happens: levels inside a block, ticks of a sample.

A block's ops are levelled: reads of states at level 0, an op at the highest level of its operands, a sum
one level after its message. Level l of iteration i is tick `start + i * length + l`; the writes of states
act at level `length`, the same tick as level 0 of the next iteration, and before it. In a block that runs once
each acts as soon as it can. Where two sums or two messages cannot share a tick, the later one waits: a message
in its word, a sum in its synapses (delay).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from compiler.mapping.traffic import Slot, Traffic
from hw_models.errors import GraphError


@dataclass(frozen=True)
class SentMessage:
    """A message: `value` leaves by `port` at `level` of block `block`."""

    value: str
    block: int
    level: int
    slot: Slot


@dataclass(frozen=True)
class Arrival:
    """A sum: map `name` is complete at sum port `slot` at `level` of block `block`; one delay per term."""

    name: str
    block: int
    level: int
    slot: Slot
    delays: tuple[int, ...]


@dataclass(frozen=True)
class BlockTicks:
    """A block in time: iterations of `length` ticks from tick `start`."""

    start: int
    length: int
    repeat: int

    def ticks(self, level: int) -> tuple[int, ...]:
        """The ticks of a level."""
        return tuple(self.start + i * self.length + level for i in range(self.repeat))

    @property
    def end(self) -> int:
        """The tick of the last commit."""
        return self.start + self.repeat * self.length


@dataclass
class Schedule:
    """What is placed so far."""

    blocks: list[BlockTicks] = field(default_factory=list)
    levels: dict[str, int] = field(default_factory=dict)
    """of each elementwise value, in its own block"""
    sent: dict[str, SentMessage] = field(default_factory=dict)
    arrivals: dict[str, Arrival] = field(default_factory=dict)
    output: SentMessage | None = None
    traffic: Traffic = field(default_factory=Traffic)
    committed: dict[str, int] = field(default_factory=dict)
    """last tick of each state's writes"""
    commits: dict[tuple[int, str], int] = field(default_factory=dict)
    """level of each block's write of a state"""
    used: dict[str, int] = field(default_factory=dict)
    """last tick at which a block may still use what it read of a state"""

    @property
    def latency(self) -> int:
        """The tick at which a sample's result has left."""
        if self.output is None:
            raise GraphError("the graph has no output")
        return self.blocks[self.output.block].ticks(self.output.level)[0] + 1

    def copy(self) -> Schedule:
        """Another one, to try something."""
        return Schedule(
            list(self.blocks),
            dict(self.levels),
            dict(self.sent),
            dict(self.arrivals),
            self.output,
            self.traffic.copy(),
            dict(self.committed),
            dict(self.commits),
            dict(self.used),
        )

    def ready(self, name: str, home: int) -> int:
        """The tick from which on later blocks find a value or a sum."""
        level = self.arrivals[name].level if name in self.arrivals else self.levels[name]
        return self.blocks[home].start + level
