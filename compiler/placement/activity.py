"""Which messages a run really sends: it is repeated tick by tick on the mapped network, and counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from compiler.mapping.network import MappedNetwork, Port
from compiler.simulator.machine import Machine
from hw_models.arrays import Floats, Integers

Sequences: TypeAlias = Sequence[tuple[Integers, Mapping[str, Integers] | None]]
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


def count_activity(network: MappedNetwork, sequences: Sequences) -> Activity:
    """Repeat the sequences on `network`, in which samples do not overlap and states are not reset. Needs SciPy."""
    sizes = {p.name: p.size for p in network.populations}
    sent: dict[str, Floats] = {}
    times: dict[str, int] = {}
    for port, ticks in network.sends.items():
        for value in ticks.values():
            sent[value] = np.zeros(network.input_size if port.population is None else sizes[port.population])
            times[value] = times.get(value, 0) + 1
    unchanged = {value: np.zeros_like(count) for value, count in sent.items()}
    lanes = max(1, CACHED // max(1, *sizes.values()))
    samples = 0
    for x, state in sequences:
        samples += x.shape[0] * x.shape[1]
        for first in range(0, len(x), lanes):
            own = None if state is None else {n: s[first : first + lanes].T for n, s in state.items()}
            _run(network, x[first : first + lanes], own, sent, unchanged)
    share = {value: 1 / max(1, samples * often) for value, often in times.items()}
    return Activity(
        {value: share[value] * count for value, count in sent.items()},
        {value: share[value] * count for value, count in unchanged.items()},
    )


def _run(
    network: MappedNetwork,
    x: Integers,
    state: Mapping[str, Integers] | None,
    sent: Mapping[str, Floats],
    unchanged: Mapping[str, Floats],
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
