"""The reference of networks of library processes: the same integers as Lava's processes, for a whole batch at once.

One iteration at a time, population by population. Weighted sums are exact in float64: the network's proof keeps them
below 2^31.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.interpreters.execution import Execution
from compiler.library_processes.process_graph import CONSTANTS, Kind, ProcessConnection, ProcessGraph, ProcessPopulation
from hw_models.arrays import Array, Floats, Integers

LANES = 128
"""sequences side by side: so many that the arrays stay in the cache"""


def run_processes(network: ProcessGraph, x: Integers, state: Mapping[str, Array] | None = None) -> Execution:
    """Run integers `x` (batch, time, features) from `state` ({name: (batch, size)}), or from zeros."""
    return prepare_processes(network)(x, state)


def prepare_processes(network: ProcessGraph) -> Callable[[Integers, Mapping[str, Array] | None], Execution]:
    """`run_processes` of a network, as a function of its input and states."""
    program = _GraphRun(network)

    def run(x: Integers, state: Mapping[str, Array] | None) -> Execution:
        parts = []
        for start in range(0, max(len(x), 1), LANES):
            rows = slice(start, start + LANES)
            parts.append(program.run(x[rows], None if state is None else {n: s[rows] for n, s in state.items()}))
        outputs = np.concatenate([o for o, _, _ in parts])
        states = {n: np.concatenate([s[n] for _, s, _ in parts]) for n in network.states}
        final: dict[str, Array] = {n: np.concatenate([f[n] for _, _, f in parts]) for n in network.states}
        return Execution(outputs, dict(states), {}, {}, final)

    return run


@dataclass(frozen=True)
class _Received:
    """What a port sums up: connections with the weights of the rows that differ, and what is always added."""

    feeds: tuple[tuple[ProcessConnection, Floats], ...]
    spread: Integers | None
    """the row that each element receives, None where each has its own"""
    bias: Floats


class _GraphRun:
    def __init__(self, network: ProcessGraph) -> None:
        self.network = network
        self.ports = {p.name: [self._port(p, i) for i in (0, 1)] for p in network.populations.values()}

    def _port(self, target: ProcessPopulation, index: int) -> _Received:
        constants = np.concatenate([np.zeros(self.network.features), CONSTANTS])
        bias, feeds, first, spread = np.zeros((target.size, 1)), [], slice(None), None
        if target.functions:  # the hinges of a function receive one sum
            starts = [f.start + f.count * np.arange(f.size) for f in target.functions]
            first = np.concatenate(starts)
            counts = [np.full(f.size, f.count) for f in target.functions]
            spread = np.repeat(np.arange(first.size), np.concatenate(counts))
        for c in self.network.connections:
            if c.target != target.name or index not in c.ports:
                continue
            if c.is_bias:
                bias[:, 0] += np.floor((c.weights @ constants) * 2.0**c.exponent)
            else:
                feeds.append((c, c.weights[first].astype(np.float64)))
        return _Received(tuple(feeds), spread, bias)

    def run(
        self, x: Integers, state: Mapping[str, Array] | None
    ) -> tuple[Integers, dict[str, Integers], dict[str, Integers]]:
        """Outputs and states (batch, time, size), and the last states (batch, size)."""
        network, (batch, time, _) = self.network, x.shape
        sent = {p.name: np.zeros((p.size, batch)) for p in network.populations.values()}
        if state is not None:
            for name, place in network.states.items():
                sent[place.population][place.start : place.stop] = state[name].T
        received = np.zeros((batch, time, network.sink.size))
        ones = np.repeat(np.array(CONSTANTS, np.float64).reshape(-1, 1), batch, axis=1)
        for t in range(time):
            source = np.concatenate([x[:, t].T.astype(np.float64), ones])
            for _ in range(network.repeat):
                sent = self._iterate(sent, source)
            received[:, t] = sent[Kind.SINK.value].T
        states = {name: received[:, :, own].astype(np.int64) for name, own in network.received_states.items()}
        final = {n: sent[p.population][p.start : p.stop].T.astype(np.int64) for n, p in network.states.items()}
        return received[:, :, : network.outputs].astype(np.int64), states, final

    def _iterate(self, before: dict[str, Floats], source: Floats) -> dict[str, Floats]:
        """What every population sends in one iteration; integers, held as float64."""
        sent: dict[str, Floats] = {}
        for population in self.network.populations.values():
            if population.kind is Kind.SOURCE:
                sent[population.name] = source
                continue
            a, b = (_sum(port, before, sent) for port in self.ports[population.name])
            sent[population.name] = np.broadcast_to(_answer(population, a, b), (population.size, source.shape[1]))
        return sent


def _sum(port: _Received, before: dict[str, Floats], sent: dict[str, Floats]) -> Floats:
    """What arrives at a port, (size, batch)."""
    total: Floats | None = None
    for c, weights in port.feeds:
        part = np.floor((weights @ (before if c.before else sent)[c.source]) * 2.0**c.exponent)
        total = part if total is None else total + part
    if total is None:
        return port.bias
    return (total if port.spread is None else total[port.spread]) + port.bias


def _answer(population: ProcessPopulation, a: Floats, b: Floats) -> Floats:
    if population.kind is Kind.HINGES:
        return np.maximum(a, 0.0)
    if population.kind is Kind.PRODUCTS:
        return np.floor(a * b * 2.0**-population.shift)
    if population.kind is Kind.ROOTS:
        return inverse_root(a.astype(np.int64)).astype(np.float64)
    return a


ITERATIONS, FRACTION = 5, 12


def inverse_root(x: Integers) -> Integers:
    """What InvSqrt sends for positive x: about 2^18 / sqrt(x); 0 for 0. Five steps from a table of its own.

    >>> inverse_root(np.array([4096, 1024, 0]))
    array([4095, 8199,    0])
    """
    bits = np.frexp(np.maximum(x, 1).astype(np.float64))[1]  # x < 2^bits
    table = np.array([2 * int(2**FRACTION / (2 ** ((m - FRACTION) / 2) * 1.238982962)) for m in range(24)])
    factor = table[bits - 1]
    y, b = factor // 2, x.astype(np.int64)
    for _ in range(ITERATIONS):
        b = (((b * factor) >> (FRACTION + 1)) * factor) >> (FRACTION + 1)
        factor = (3 << FRACTION) - b
        y = (y * factor) >> (FRACTION + 1)
    return np.where(x == 0, 0, y)
