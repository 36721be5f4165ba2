"""Mapped networks to place: dense layers, random ones, and an LTC's populations at any size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from compiler.mapping.mapped_network import Connection, MappedNetwork, Population, Port
from hw_models import isa
from hw_models.arrays import Integers


def population(name: str, size: int, words: int = 2, state: bool = False) -> Population:
    """Neurons that add what arrives to a word and send it."""
    names = {f"w{n}": 0 for n in range(words)}
    listing = (isa.Add(isa.Word("w0"), isa.Word("w0"), isa.Accumulator(0)), isa.Send(0, isa.Word("w0")))
    return Population(name, size, listing, dict(names), 1, 1, {name: "w0"} if state else {})


def connection(source: str | None, target: str | None, shape: tuple[int, int], rows, columns) -> Connection:
    rows, columns = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
    return Connection(f"{source} -> {target}", Port(source), Port(target), shape, rows, columns, np.ones_like(rows))


def dense(source: str | None, target: str | None, shape: tuple[int, int]) -> Connection:
    rows, columns = np.indices(shape)
    return connection(source, target, shape, rows.ravel(), columns.ravel())


def network(populations: Sequence[Population], connections: Sequence[Connection], inputs: int) -> MappedNetwork:
    """Every population sends once, one tick after the other."""
    sends = {Port(None): {0: "x"}, **{Port(p.name): {n + 1: p.name} for n, p in enumerate(populations)}}
    ticks = len(populations) + 1
    return MappedNetwork(tuple(populations), tuple(connections), inputs, populations[-1].size, ticks, ticks, (), sends)


def layers(*sizes: int) -> MappedNetwork:
    """Dense layers of two-word neurons: sizes[0] inputs, the last one is the output."""
    names = [f"layer{n}" for n in range(1, len(sizes))]
    populations = [population(name, size) for name, size in zip(names, sizes[1:], strict=True)]
    pairs = zip([None, *names[:-1]], names, zip(sizes[1:], sizes[:-1], strict=True), strict=True)
    connections = [dense(source, target, shape) for source, target, shape in pairs]
    last = np.arange(sizes[-1])
    connections.append(connection(names[-1], None, (sizes[-1], sizes[-1]), last, last))
    return network(populations, connections, sizes[0])


def ltc(units: int, synapses: int, inputs: int = 8, seed: int = 0) -> MappedNetwork:
    """An LTC's three populations: sensory synapses (a tenth as many), neurons, recurrent synapses."""
    rng = np.random.default_rng(seed)
    received = synapses // 10
    pre, post = np.divmod(np.sort(rng.choice(units * units, synapses, replace=False)), units)
    channel, sensed = np.divmod(np.sort(rng.choice(inputs * units, received, replace=received > inputs * units)), units)
    own, other = np.arange(synapses), np.arange(received)
    populations = [population("sensory", received, 8), population("v", units, 11, state=True)]
    populations.append(population("synapses", synapses, 8))
    connections = [
        connection(None, "sensory", (received, inputs), other, channel),
        connection("v", "synapses", (synapses, units), own, pre),
        *[connection("sensory", "v", (units, received), sensed, other) for _ in range(2)],
        *[connection("synapses", "v", (units, synapses), post, own) for _ in range(2)],
        connection("v", None, (1, units), [0], [0]),
    ]
    return network(populations, connections, inputs)


@st.composite
def networks(draw: st.DrawFn) -> MappedNetwork:
    """A few populations, some with a state, and random connections between any of them, the input and the output."""
    count = draw(st.integers(1, 4))
    seed = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    populations = [
        population(f"p{n}", draw(st.integers(1, 40)), draw(st.integers(1, 12)), draw(st.booleans()))
        for n in range(count)
    ]
    sizes = {p.name: p.size for p in populations}
    connections = [connection(populations[-1].name, None, (1, sizes[populations[-1].name]), [0], [0])]
    for _ in range(draw(st.integers(1, 6))):
        source = draw(st.sampled_from([None, *sizes]))
        target = draw(st.sampled_from(list(sizes)))
        shape = (sizes[target], 5 if source is None else sizes[source])
        rows, columns = np.nonzero(seed.random(shape) < draw(st.sampled_from([0.05, 0.3, 1.0])))
        connections.append(connection(source, target, shape, rows, columns))
    return network(populations, connections, 5)


def split(sizes: dict[str, Sequence[int]]) -> dict[str, Integers]:
    """Cores by population from how many of its neurons each next core takes; a population starts a new core."""
    cores, first = {}, 0
    for name, parts in sizes.items():
        cores[name] = np.repeat(np.arange(first, first + len(parts)), parts)
        first += len(parts)
    return cores
