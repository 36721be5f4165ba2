"""Which messages a run really sends: it is repeated tick by tick on the mapped network, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import add
from typing import TypeAlias

import numpy as np

from compiler.mapping.mapped_network import MappedNetwork, Port
from compiler.simulator.machine import Machine
from hw_models.arrays import Floats, Integers

SequenceBatches: TypeAlias = Sequence[tuple[Integers, Mapping[str, Integers] | None]]
"""Batches of sequences: integers (batch, time, features), and the states (batch, size) to start from or None."""

CACHED = 2**18
"""Elements of a population in all lanes that run side by side."""


@dataclass(frozen=True)
class Activity:
    """How often each neuron sends a value, as a share of the times that it may: by the value's name.

    A message of 0 is not sent. A message is `unchanged` when it is sent and equals the last of that port and value
    (the first of a sequence: 0): a code that sends only changes would spare it.
    """

    sent: dict[str, Floats]
    unchanged: dict[str, Floats]


@dataclass(frozen=True)
class Sent:
    """The same as counts, which add up over runs: how often each neuron sent a value in so many samples."""

    samples: int
    times: Mapping[str, int]
    """how often a value may be sent in a sample"""
    sent: Mapping[str, tuple[int, ...]]
    unchanged: Mapping[str, tuple[int, ...]]

    def joined(self, other: Sent) -> Sent:
        """Both together; of one network."""
        sent, unchanged = (
            {name: tuple(map(add, counts, more[name])) for name, counts in one.items()}
            for one, more in ((self.sent, other.sent), (self.unchanged, other.unchanged))
        )
        return Sent(self.samples + other.samples, self.times, sent, unchanged)

    @property
    def shares(self) -> Activity:
        """Of the times that each may."""
        share = {value: 1 / max(1, self.samples * often) for value, often in self.times.items()}
        sent, unchanged = (
            {value: share[value] * np.array(count, np.float64) for value, count in counts.items()}
            for counts in (self.sent, self.unchanged)
        )
        return Activity(sent, unchanged)


def senders(network: MappedNetwork) -> dict[str, int]:
    """How many neurons send each value, by its name."""
    sizes = {p.name: p.size for p in network.populations}
    return {
        value: network.input_size if port.population is None else sizes[port.population]
        for port, ticks in network.sends.items()
        for value in ticks.values()
    }


def count_activity(network: MappedNetwork, sequences: SequenceBatches) -> Sent:
    """Repeat the sequences on `network`, in which samples do not overlap and states are not reset. Needs SciPy."""
    lanes = max(1, CACHED // max(1, *(p.size for p in network.populations)))
    times = Counter(value for ticks in network.sends.values() for value in ticks.values())
    sent = {value: np.zeros(size, np.int64) for value, size in senders(network).items()}
    unchanged = {value: np.zeros_like(count) for value, count in sent.items()}
    samples = 0
    for x, state in sequences:
        samples += x.shape[0] * x.shape[1]
        for first in range(0, len(x), lanes):
            own = None if state is None else {n: s[first : first + lanes].T for n, s in state.items()}
            _run(network, x[first : first + lanes], own, sent, unchanged)
    whole = ({value: tuple(count.tolist()) for value, count in counts.items()} for counts in (sent, unchanged))
    return Sent(samples, dict(times), *whole)


def _run(
    network: MappedNetwork,
    x: Integers,
    state: Mapping[str, Integers] | None,
    sent: Mapping[str, Integers],
    unchanged: Mapping[str, Integers],
) -> None:
    """Add what a batch of sequences sends; `state` is (size, batch)."""
    lanes, time, _ = x.shape
    last: dict[tuple[Port, str], np.ndarray] = {}

    def observe(port: Port, tick: int, message: np.ndarray | int) -> None:
        value = network.sends.get(port, {}).get(tick)
        if value is None:
            return
        now = np.broadcast_to(np.asarray(message, np.int32), (sent[value].size, lanes))
        nonzero = now != 0
        sent[value][:] += nonzero.sum(axis=1)
        unchanged[value][:] += (nonzero & (now == last.get((port, value), 0))).sum(axis=1)
        last[port, value] = now

    machine = Machine(network, lanes, state, observe)
    for step in range(time):
        for tick in range(network.ticks_per_sample):
            machine.tick(x[:, step].T if tick == 0 else 0)
