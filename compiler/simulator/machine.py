"""A mapped network in plain NumPy, tick by tick, with many sequences side by side as lanes.

It executes the same listings over the same connections as the Lava processes do, in one place: the fused
process runs it, and tests of the mapping compare it with the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.mapping.mapped_network import Connection, MappedNetwork, Population, Port
from compiler.simulator.interpreter import Vector
from compiler.simulator.neurons import InterpretedNeurons, Lanes, ListedNeurons
from hw_models.errors import GraphError

Observer: TypeAlias = Callable[[Port, int, Vector], None]


class Machine:
    """A mapped network that runs `lanes` sequences side by side.

    `initial_states` gives integers of states, (size,) or (size, lanes), to start from in place of the
    initial ones. `observe` is told each message: the port, the tick of the sample, and what is sent. `neurons` makes
    what executes a population's listing.
    """

    def __init__(
        self,
        network: MappedNetwork,
        lanes: int = 1,
        initial_states: Mapping[str, npt.ArrayLike] | None = None,
        observe: Observer | None = None,
        neurons: Callable[[Population, int, Mapping[str, npt.ArrayLike]], ListedNeurons] = InterpretedNeurons,
    ) -> None:
        self._network, self._lanes, self._observe = network, lanes, observe
        self._tick = 0
        self.states: dict[str, Lanes] = {}
        """each state after the last sample, (size, lanes)"""
        numbers = {p.name: n for n, p in enumerate(network.populations)}
        self._neurons = [neurons(p, lanes, initial_states or {}) for p in network.populations]
        self._arriving: list[dict[tuple[int, int], Vector]] = []
        self._from_input: list[_Route] = []
        self._routes: list[list[list[_Route]]] = [[[] for _ in range(p.message_ports)] for p in network.populations]
        for connection in network.connections:
            source, target = connection.source, connection.target
            route = _Route(
                connection, None if target.population is None else (numbers[target.population], target.index)
            )
            if source.population is None:
                self._from_input.append(route)
            else:
                self._routes[numbers[source.population]][source.index].append(route)
        self._monitors: dict[int, list[tuple[str, int, str]]] = {}
        for monitor in network.monitors:
            found = self._monitors.setdefault(monitor.tick % network.ticks_per_sample, [])
            found.append((monitor.state, numbers[monitor.population], monitor.word))

    def sample(self, x: npt.ArrayLike) -> Lanes:
        """Run the ticks of one sample with features `x` (features, lanes); returns the result (outputs, lanes).

        Only where samples do not overlap.
        """
        if self._network.overlaps:
            raise GraphError(
                "a sample's result is out only when the next one has entered",
                numbers=f"{self._network.ticks_per_sample} ticks a sample, latency {self._network.latency}",
                advice="Run it tick by tick, or map the graph with Overlap.NONE.",
            )
        result: Vector = 0
        entering: Vector = np.asarray(x, np.int32)
        for _ in range(self._network.ticks_per_sample):
            result = result + self.tick(entering)
            entering = 0
        return np.broadcast_to(np.asarray(result, np.int32), (self._network.output_size, self._lanes))

    def run(self, x: npt.ArrayLike) -> Lanes:
        """Run samples `x` (lanes, time, features) of a machine that has not run yet; returns (lanes, time, outputs).

        Also where samples overlap.
        """
        return self.run_recorded(x)[0]

    def run_recorded(self, x: npt.ArrayLike) -> tuple[Lanes, dict[str, Lanes]]:
        """`run`, and each state after each sample, (lanes, time, size)."""
        rows = np.asarray(x, np.int32).transpose(1, 2, 0)
        network, samples = self._network, len(rows)
        period, latency = network.ticks_per_sample, network.latency
        sizes = {p.name: p.size for p in network.populations}
        found = np.zeros((samples, network.output_size, self._lanes), np.int32)
        states = {p.state: np.zeros((samples, sizes[p.population], self._lanes), np.int32) for p in network.monitors}
        last = (samples - 1) * period + max([latency - 1, *(p.tick for p in network.monitors)]) if samples else -1
        for tick in range(last + 1):
            sample, off = divmod(tick, period)
            sent = self.tick(rows[sample] if off == 0 and sample < samples else 0)
            sample, off = divmod(tick + 1 - latency, period)
            if off == 0 and 0 <= sample < samples:
                found[sample] = sent
            for monitor in network.monitors:
                sample, off = divmod(tick - monitor.tick, period)
                if off == 0 and 0 <= sample < samples:
                    states[monitor.state][sample] = self.states[monitor.state]
        return found.transpose(2, 0, 1), {name: s.transpose(2, 0, 1) for name, s in states.items()}

    def tick(self, entering: Vector) -> Vector:
        """Run one tick while the input carries `entering`, (features, lanes) or 0 for nothing.

        Returns what the output carries in the next tick, (outputs, lanes) or 0.
        """
        sums = self._arriving.pop(0) if self._arriving else {}
        leaving = self._send(self._from_input, entering)
        if self._observe is not None:
            self._observe(Port(None), self._tick, entering)
        for number, (population, neurons) in enumerate(zip(self._network.populations, self._neurons, strict=True)):
            arrived = [sums.get((number, port), 0) for port in range(population.sum_ports)]
            for port, message in enumerate(neurons.tick(arrived)):
                leaving = leaving + self._send(self._routes[number][port], message)
                if self._observe is not None:
                    self._observe(Port(population.name, port), self._tick, message)
        for state, number, word in self._monitors.get(self._tick, ()):
            self.states[state] = self._neurons[number].read(word)
        self._tick = (self._tick + 1) % self._network.ticks_per_sample
        return leaving

    def states_now(self) -> dict[str, Lanes]:
        """Each state as it is, (size, lanes)."""
        found: dict[str, Lanes] = {}
        for population, neurons in zip(self._network.populations, self._neurons, strict=True):
            found |= {name: neurons.read(word) for name, word in population.states.items()}
        return found

    def set_states(self, states: Mapping[str, npt.ArrayLike]) -> None:
        """Give states other integers, (size,) or (size, lanes), between two samples."""
        for population, neurons in zip(self._network.populations, self._neurons, strict=True):
            for name in population.states.keys() & states.keys():
                neurons.write(population.states[name], states[name])

    def _send(self, routes: list[_Route], message: Vector) -> Vector:
        """Put a message on its way; returns what of it leaves the network."""
        leaving: Vector = 0
        if isinstance(message, int) and message == 0:
            return leaving
        for route in routes:
            total = route.through(message)
            if route.target is None:
                leaving = leaving + total
                continue
            while len(self._arriving) <= route.delay:
                self._arriving.append({})
            arriving = self._arriving[route.delay]
            arriving[route.target] = arriving[route.target] + total if route.target in arriving else total
        return leaving


class _Route:
    """A connection, ready to multiply. Target None: the network's output."""

    def __init__(self, connection: Connection, target: tuple[int, int] | None) -> None:
        self.target, self.delay = target, connection.delay
        self._sources = connection.shape[1]
        self._multiply = _product(connection)

    def through(self, message: Vector) -> Vector:
        """What arrives of `message`."""
        whole = np.full((self._sources, 1), message, np.int32) if isinstance(message, int) else message
        return self._multiply(whole)


def _product(connection: Connection) -> Callable[[npt.NDArray[np.signedinteger]], npt.NDArray[np.signedinteger]]:
    """The connection's matrix as a function; one that only picks sources needs no sums."""
    targets = np.arange(connection.shape[0])
    if np.array_equal(connection.rows, targets) and np.all(connection.weights == 1):
        columns = connection.columns
        return lambda message: message.take(columns, axis=0)
    from scipy.sparse import csr_matrix

    coordinates = (connection.weights.astype(np.int32), (connection.rows, connection.columns))
    matrix = csr_matrix(coordinates, shape=connection.shape)
    return lambda message: matrix @ message
