"""Integer graphs of the shapes that liquid cells have, made by hand with random constants."""

from __future__ import annotations

import numpy as np
from graph_strategies import SMALL, Builder

from compiler.graph import Graph


def synapses(b: Builder, source: str, wired: int, targets: int, alike: bool = False) -> tuple[str, str]:
    """Wired synapses of an LTC: a sigmoid-like polynomial per synapse; returns their two sums per target.

    `alike`: with one polynomial for all.
    """
    index = b.rng.integers(0, b.size(source), wired)
    z = b.mul_shift(b.gather([source], index), b.constant(b.rng.integers(-900, 900, wired)), [10])
    z = b.narrow(b.add(z, b.constant(b.rng.integers(-900, 900, wired))))
    if alike:
        rng, b.rng = b.rng, np.random.default_rng(7)
        s = b.polynomial(b.rescale(z, 0, -30000, 30000), 8, 3)
        b.rng = rng
    else:
        s = b.polynomial(z, 8, 3)
    both = [b.mul_shift(s, b.constant(b.rng.integers(-900, 900, wired)), [8]) for _ in range(2)]
    segment = b.rng.integers(0, targets, wired)
    return b.segment_sum(both[0], segment, targets), b.segment_sum(both[1], segment, targets)


def ltc(unfolds: int = 6, units: int = 19, alike: bool = False) -> Graph:
    """The shape of an AutoNCP(19, 1) on 8 inputs: 40 sensory synapses once, 47 recurrent ones in each sub-step."""
    b = Builder(1)
    b.state("rnn.v", b.rng.integers(-99, 99, units))
    v = layer(b, b.input(8), "rnn.v", unfolds, alike)
    b.output(b.gather([v], np.arange(3)))
    b.block("output")
    return b.graph()


def layer(b: Builder, x: str, state: str, unfolds: int, alike: bool = False) -> str:
    """An LTC that reads `x`: a block of its input's synapses, or the rest of one, and its solver; returns the state."""
    units = next(s.size for s in b.states if s.name == state)
    once = synapses(b, x, 40, units, alike)
    b.block(f"{state} input")
    v = b.read(state)
    n, d = (b.add(s, r) for s, r in zip(once, synapses(b, v, 47, units, alike), strict=True))
    change = b.mul_shift(b.narrow(b.sub(n, d)), b.constant(b.rng.integers(1, 99, units)), [9])
    b.write(state, b.rescale(b.add(v, change), 0, -SMALL, SMALL))
    b.block(f"{state} solver", unfolds)
    return b.read(state)


def stack(unfolds: tuple[int, ...] = (3, 3, 2)) -> Graph:
    """LTCs, each reading the states of the one before."""
    b = Builder(11)
    for n in range(len(unfolds)):
        b.state(f"v{n}", b.rng.integers(-99, 99, 4))
    x = b.input(3)
    for n, count in enumerate(unfolds):
        x = layer(b, x, f"v{n}", count)
    b.output(x)
    b.block("output")
    return b.graph()


def gru() -> Graph:
    """Two stages in one population: the second product reads what the first one gated."""
    b = Builder(2)
    b.state("gru.h", b.rng.integers(-99, 99, 6))
    x, h = b.input(4), b.read("gru.h")

    def gate(second: str) -> str:
        matrix = b.rng.integers(-9, 10, (6, 10))
        return b.polynomial(b.narrow(b.mat_vec([x, second], matrix)), 4, 2)

    r, z = gate(h), gate(h)
    candidate = gate(b.narrow(b.mul_shift(r, h, [10])))
    mixed = b.add(h, b.mul_shift(z, b.narrow(b.sub(candidate, h)), [11]))
    b.write("gru.h", b.rescale(mixed, 0, -SMALL, SMALL))
    b.block("step")
    b.output(b.mat_vec([b.narrow(b.read("gru.h"), 255)], b.rng.integers(-255, 256, (2, 6))))
    b.block("output")
    return b.graph()


def cfc(layers: int = 1) -> Graph:
    """A backbone, two heads and a gate between them; all layers in one block, each reading what the last one wrote."""
    b = Builder(12)
    for n in range(layers):
        b.state(f"h{n}", b.rng.integers(-99, 99, 6))
    x = b.input(4)
    for n in range(layers):
        h = b.narrow(b.read(f"h{n}"), 9999)
        inner = b.polynomial(b.narrow(b.mat_vec([x, h], b.rng.integers(-9, 10, (12, b.size(x) + 6)))), 6, 3)
        first, second, gate = (
            b.polynomial(b.narrow(b.mat_vec([inner], b.rng.integers(-99, 99, (6, 12)))), 6, 2) for _ in range(3)
        )
        mixed = b.add(first, b.mul_shift(gate, b.sub(second, first), [10]))
        b.write(f"h{n}", b.rescale(mixed, 0, -SMALL, SMALL))
        x = b.narrow(mixed, 9999)
    b.output(x)
    b.block("step")
    return b.graph()


def mixed_memory() -> Graph:
    """An LSTM-like block writes the state that the solver then reads; four gates of two sums each."""
    b = Builder(3)
    b.state("ltc.v", b.rng.integers(-99, 99, 5))
    b.state("lstm.c", b.rng.integers(-99, 99, 5))
    x, v, c = b.input(3), b.read("ltc.v"), b.read("lstm.c")
    i, f, o, g = (
        b.polynomial(
            b.narrow(
                b.add(
                    b.mat_vec([x], b.rng.integers(-60, 61, (5, 3))),
                    b.mat_vec([v], b.rng.integers(-40, 41, (5, 5))),
                )
            ),
            4,
            2,
        )
        for _ in range(4)
    )
    memory = b.rescale(b.add(b.mul_shift(f, c, [11]), b.mul_shift(i, g, [10])), 0, -SMALL, SMALL)
    b.write("lstm.c", memory)
    b.write("ltc.v", b.rescale(b.mul_shift(o, memory, [11]), 0, -SMALL, SMALL))
    b.block("memory")
    v = b.read("ltc.v")
    n, d = synapses(b, v, 9, 5)
    b.write("ltc.v", b.rescale(b.add(v, b.narrow(b.sub(n, d))), 0, -SMALL, SMALL))
    b.block("solver", 3)
    b.output(b.read("ltc.v"))
    b.block("output")
    return b.graph()


def many(sums: int, messages: int, repeat: int) -> Graph:
    """One population that sends `messages` values to another, which takes `sums` sums of them."""
    b = Builder(4)
    b.state("s", b.rng.integers(-99, 99, 3))
    x = b.input(3)
    b.block("input")
    s = b.add(b.read("s"), x)
    sent = [b.mul_shift(b.narrow(s), b.constant(b.rng.integers(50, 99, 3)), [8 + k % 3]) for k in range(messages)]
    maps = [b.mat_vec([b.narrow(sent[k % messages], 999)], b.rng.integers(-99, 99, (4, 3))) for k in range(sums)]
    total = maps[0]
    for map_ in maps[1:]:
        total = b.maximum(b.narrow(total), b.narrow(map_))
    back = b.gather([b.polynomial(b.narrow(total), 5, 2)], [0, 3, 1])
    b.write("s", b.rescale(back, 0, -SMALL, SMALL))
    b.block("loop", repeat)
    b.output(b.read("s"))
    b.block("output")
    return b.graph()
