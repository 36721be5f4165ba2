"""Which messages a run really sends: it is repeated tick by tick on the mapped network, and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from compiler.mapping.network import Integers, MappedNetwork, Port
from hw_models.cost import Numbers

Sequences: TypeAlias = Sequence[tuple[Integers, Mapping[str, Integers] | None]]
"""Batches of sequences: integers (batch, time, features), and the states (batch, size) to start from or None."""

CACHED = 2**18
"""Elements of a population in all lanes that run side by side."""


@dataclass
class Activity:
    """How often each neuron sends at each port and tick, as a share of the samples.

    A message of 0 is not sent. A message is `unchanged` when it is sent and equals the last of that port and value
    (the first of a sequence: 0): a code that sends only changes would spare it.
    """

    samples: int = 0
    sent: dict[Port, dict[int, Numbers]] = field(default_factory=dict)
    unchanged: dict[Port, dict[int, Numbers]] = field(default_factory=dict)

    def folded(self, period: int) -> Activity:
        """The same where samples follow each other every `period` ticks."""
        tables = (
            {p: {t % period: n for t, n in at.items()} for p, at in x.items()} for x in (self.sent, self.unchanged)
        )
        return Activity(self.samples, *tables)


def count_activity(network: MappedNetwork, sequences: Sequences) -> Activity:
    """Repeat the sequences on `network`, in which samples do not overlap and states are not reset. Needs SciPy."""
    counted = Activity()
    for port, ticks in network.sends.items():
        size = _size(network, port)
        counted.sent[port] = {tick: np.zeros(size) for tick in ticks}
        counted.unchanged[port] = {tick: np.zeros(size) for tick in ticks}
    largest = max((p.size for p in network.populations), default=1)
    lanes = max(1, CACHED // max(1, largest))
    for x, state in sequences:
        for first in range(0, len(x), lanes):
            own = None if state is None else {n: s[first : first + lanes] for n, s in state.items()}
            _run(network, x[first : first + lanes], own, counted)
    for table in (counted.sent, counted.unchanged):
        for ticks in table.values():
            for count in ticks.values():
                count /= max(1, counted.samples)
    return counted


def _size(network: MappedNetwork, port: Port) -> int:
    if port.population is None:
        return network.input_size
    return next(p.size for p in network.populations if p.name == port.population)


def _run(network: MappedNetwork, x: Integers, state: Mapping[str, Integers] | None, counted: Activity) -> None:
    from compiler.backends.lava.machine import Machine

    lanes, time, _ = x.shape
    last: dict[tuple[Port, str], np.ndarray] = {}

    def observe(port: Port, tick: int, message: np.ndarray | int) -> None:
        value = network.sends.get(port, {}).get(tick)
        if value is None:
            return
        shape = (_size(network, port), lanes)
        now = np.broadcast_to(np.asarray(message, np.int32), shape)
        sent = now != 0
        counted.sent[port][tick] += sent.sum(axis=1)
        before = last.get((port, value), np.zeros(shape, np.int32))
        counted.unchanged[port][tick] += (sent & (now == before)).sum(axis=1)
        last[port, value] = now

    states = None if state is None else {name: s.T for name, s in state.items()}
    machine = Machine(network, lanes, states, observe)
    for step in range(time):
        for tick in range(network.ticks_per_sample):
            machine.tick(x[:, step].T if tick == 0 else 0)
    counted.samples += lanes * time
