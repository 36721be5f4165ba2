"""Who sends and who listens when. A port is shared by time: every read must find its own messages and no others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from compiler.mapping.mapped_network import Connection, Port
from hw_models.errors import BUG, GraphError

Slot: TypeAlias = tuple[int, int]
"""Population number and port."""


@dataclass(frozen=True)
class Link:
    """What a source port sends arrives delay + 1 ticks later at a target port. Source None: the input, at all ticks."""

    source: Slot | None
    target: Slot
    delay: int


@dataclass
class Traffic:
    """Ticks of one sample, as far as they are scheduled; of all samples, where one enters every `period` ticks.

    Then its ticks are below `period`, and a tick of a sample is found where it lies for the newest one.
    """

    period: int | None = None
    sends: dict[Slot, dict[int, str]] = field(default_factory=dict)
    reads: dict[Slot, dict[int, str]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)

    def copy(self) -> Traffic:
        """Another one, to try something."""
        sends = {slot: dict(ticks) for slot, ticks in self.sends.items()}
        return Traffic(self.period, sends, {slot: dict(ticks) for slot, ticks in self.reads.items()}, list(self.links))

    def horizon(self) -> int:
        """The first tick at which nothing that is scheduled so far can be in the way."""
        longest = max((link.delay for link in self.links), default=0)
        last = max((max(ticks) for ticks in (*self.sends.values(), *self.reads.values()) if ticks), default=0)
        return last + longest + 2

    def send(self, slot: Slot, ticks: Iterable[int], value: str) -> None:
        """The port sends `value` at `ticks`."""
        self.sends.setdefault(slot, {}).update(dict.fromkeys(map(self._at, ticks), value))

    def read(self, slot: Slot, ticks: Iterable[int], name: str) -> None:
        """The port takes the sum `name` at `ticks`."""
        self.reads.setdefault(slot, {}).update(dict.fromkeys(map(self._at, ticks), name))

    def can_send(self, slot: Slot, ticks: tuple[int, ...]) -> bool:
        """Whether the port is free at `ticks`, and disturbs no read."""
        busy = self.sends.get(slot, {})
        if self._meet(ticks) or any(self._at(t) in busy for t in ticks):
            return False
        return not any(
            self._at(t + 1 + link.delay) in self.reads.get(link.target, {})
            for link in self.links
            if link.source == slot
            for t in ticks
        )

    def can_read(self, target: Slot, ticks: tuple[int, ...], incoming: list[tuple[Slot | None, int]]) -> bool:
        """Whether new links from `incoming` (source, delay) bring their messages to `target` undisturbed at `ticks`."""
        reads, at = self.reads.get(target, {}), set(map(self._at, ticks))
        if self._meet(ticks) or any(t in reads for t in at):
            return False
        for link in self.links:
            if link.target == target and (link.source is None or self._arrivals(link.source, link.delay) & at):
                return False
        for source, delay in incoming:
            if source is None:
                if reads:
                    return False
                continue
            own = {self._at(t - 1 - delay) for t in ticks}
            strays = {self._at(t + 1 + delay) for t in self.sends.get(source, {}) if t not in own}
            if strays & at or any(t in reads for t in strays):
                return False
        return True

    def _at(self, tick: int) -> int:
        return tick if self.period is None else tick % self.period

    def _meet(self, ticks: tuple[int, ...]) -> bool:
        """Whether the samples would need one of the ticks twice."""
        return len(set(map(self._at, ticks))) < len(ticks)

    def _arrivals(self, source: Slot, delay: int) -> set[int]:
        return {self._at(t + 1 + delay) for t in self.sends.get(source, {})}


@dataclass(frozen=True)
class Read:
    """At `tick` of each sample `port` must carry what `connections` bring of `values`, and nothing else."""

    port: Port
    tick: int
    expected: dict[str, str]
    """connection -> the value that it must bring"""


def disturbances(
    sends: dict[Port, dict[int, str]], connections: Iterable[Connection], reads: Iterable[Read], period: int
) -> list[str]:
    """Every read of the finished schedule that would not find exactly its own messages, as text.

    `sends` holds what is sent at which tick of a sample, which may lie in later samples; a sample enters every
    `period` ticks. The input sends at tick 0 and may carry anything at all other ticks.
    """
    into: dict[Port, list[Connection]] = {}
    for connection in connections:
        into.setdefault(connection.target, []).append(connection)
    found: list[str] = []
    at: dict[Port, dict[int, int]] = {}
    for port, ticks in sends.items():
        at[port] = {}
        for tick in ticks:
            other = at[port].setdefault(tick % period, tick)
            if other != tick:
                found.append(f"{port} sends {ticks[other]} and {ticks[tick]} in one tick")
    for read in reads:
        for connection in into.get(read.port, []):
            left = read.tick - 1 - connection.delay
            tick = at.get(connection.source, {}).get(left % period)
            sent = None if tick is None else sends[connection.source][tick]
            if connection.source.population is None and left % period != 0:
                sent = "anything"
            wanted = read.expected.get(connection.name)
            if sent != wanted or (wanted is not None and tick != left):
                found.append(f"tick {read.tick}, {read.port}: {connection.name} brings {sent}, not {wanted}")
    return found


def check_reads(
    sends: dict[Port, dict[int, str]], connections: Iterable[Connection], reads: Iterable[Read], period: int
) -> None:
    """Raise `GraphError` where a read is disturbed."""
    found = disturbances(sends, connections, reads, period)
    if found:
        raise GraphError("a neuron would not receive exactly its own messages", numbers=found[0], advice=BUG)
