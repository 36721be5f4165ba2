"""Random integer programs: every executor that needs no Lava returns the same integers.

The reference in 64 bits and in the chip's widths; the mapped network tick by tick, samples overlapping in each way,
with resets or from a given state, noise at its input between samples; the fused network, sample by sample.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.fuzz.graphs import random_graph
from benchmarks.fuzz.kind import Kind
from benchmarks.fuzz.mapped import assert_mapped_equals
from compiler.graph import IntegerGraph
from compiler.interpreters.execution import Execution
from compiler.interpreters.reference import run_reference
from compiler.mapping import MappedNetwork, Options, Overlap, map_network
from compiler.simulator.machine import Machine
from hw_models.chip import Chip, load_chip

LANES, SAMPLES = 2, 4
LENGTHS, SHARES = (1, 2, 4, 6, 8, 12, 16), (0.15, 0.2, 0.25, 0.15, 0.1, 0.1, 0.05)
"""Of a block's ops, and how often: mostly few, for many trials."""


@cache
def _chip() -> Chip:
    return load_chip("loihi2")


def program(seed: int) -> IntegerGraph:
    """The random program of a seed: one to four blocks, some repeated, up to three states, all ops of the chip."""
    rng = np.random.default_rng([seed, 1])
    return random_graph(seed, int(rng.integers(1, 5)), int(rng.choice(LENGTHS, p=SHARES)), int(rng.integers(0, 4)))


def drawn(graph: IntegerGraph, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray] | None]:
    """Samples (LANES, SAMPLES, features), and half of the time where states start, from all that they may be."""
    x = rng.integers(-(2**15) + 1, 2**15, (LANES, SAMPLES, graph.size(graph.entry.out)))
    if rng.random() >= 0.5:
        return x, None
    forms = {s.name: (s.size, graph.state_format(s.name)) for s in graph.states}
    return x, {n: rng.integers(form.low, form.high + 1, (LANES, size)) for n, (size, form) in forms.items()}


def trial(seed: int) -> str:
    """Compare the executors on the program of `seed`. Raises `AssertionError` where they differ."""
    graph, rng = program(seed), np.random.default_rng([seed, 2])
    overlap = list(Overlap)[rng.integers(0, 3)]
    reset = int(rng.integers(1, 3)) if rng.random() < 0.3 else None
    net = map_network(graph, _chip(), reset, Options(overlap))
    x = rng.integers(-(2**15) + 1, 2**15, (LANES, SAMPLES, net.input_size))
    run = run_reference(graph, x)
    _assert_equal(run, run_reference(graph, x, narrow=True))
    assert_mapped_equals(graph, net, x, reset, run.final if rng.random() < 0.5 else None)
    plain = overlap is Overlap.NONE and reset is None
    _assert_fused_equals(net if plain else map_network(graph, _chip(), options=Options(Overlap.NONE)), x, run)
    return "equal"


def _assert_equal(first: Execution, second: Execution) -> None:
    assert np.array_equal(first.outputs, second.outputs), "outputs in the chip's widths"
    for name, states in first.states.items():
        assert np.array_equal(states, second.states[name]), f"{name} in the chip's widths"


def _assert_fused_equals(net: MappedNetwork, x: np.ndarray, run: Execution) -> None:
    """What the fused Lava process does, in each of its ticks."""
    machine = Machine(net, lanes=len(x))
    for k in range(x.shape[1]):
        assert np.array_equal(machine.sample(x[:, k].T), run.outputs[:, k].T), f"fused, sample {k}"
        for name, states in run.states.items():
            assert np.array_equal(machine.states[name], states[:, k].T), f"fused, {name} after sample {k}"


KIND = Kind(trial, seconds=60)
