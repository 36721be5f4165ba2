"""The same random programs as machine code, in every shape: all that a run tells is equal to the reference's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.fuzz.kind import Kind
from benchmarks.fuzz.programs import LANES, drawn, program
from compiler.graph import IntegerGraph
from compiler.graph.host_map import HostMap
from compiler.interpreters.reference import run_reference
from compiler.mapping import Options, Overlap, map_network
from compiler.native import call
from compiler.native.build import machine
from compiler.native.cpu import PLAIN, Cpu
from compiler.native.executor import NativeRunner
from compiler.native.neurons import NativeNeurons
from compiler.ranges.proven import facts_of
from compiler.running.executor import Ends, InputRounding, Job
from compiler.simulator.machine import Machine
from compiler.simulator.neurons import InterpretedNeurons
from hw_models.chip import load_chip
from ltc2neuro.compiled.endpoints import InputEnd

MANY = 20


def trial(seed: int) -> str:
    """Compare outputs, states, values, and what was clipped. Raises `AssertionError` where they differ."""
    graph, rng = program(seed), np.random.default_rng([seed, 3])
    x, states = drawn(graph, rng)
    record = sorted(rng.choice(sorted(graph.values), 2)) if rng.random() < 0.25 else ()
    known = facts_of(graph)
    shapes: list[tuple[Cpu, int]] = [(machine(), 0), (machine(), LANES), (PLAIN, int(rng.integers(2)) * LANES)]
    if machine().permutes:
        shapes += [(Cpu(8, 32), 0), (Cpu(8, 32), LANES)]
    cpu, few = shapes[int(rng.integers(len(shapes)))]
    if few == 0 and rng.random() < 0.3:  # so many that they take all registers that are woven
        x, states = np.tile(x, (MANY, 1, 1)), states and {name: np.tile(s, (MANY, 1)) for name, s in states.items()}
    bits = 64 if rng.random() < 0.2 else known.bits
    expected = run_reference(graph, x, states, record)
    run = NativeRunner(replace(known, bits=bits), cpu, few)
    parts = [slice(None)] if few == 0 else [slice(row, row + 1) for row in range(2)]
    for part in parts:
        own = None if states is None else {n: s[part] for n, s in states.items()}
        found, wanted = run(Job(x[part], own, record)), expected
        if few:
            wanted = run_reference(graph, x[part], own, record)
        shape = f"{bits} bits, {cpu}, {few}"
        assert np.array_equal(found.outputs, wanted.outputs), f"outputs, {shape}"
        for name, values in wanted.states.items():
            assert np.array_equal(found.states[name], values), f"{name}, {shape}"
            assert np.array_equal(found.final[name], wanted.final[name]), f"{name} at the end, {shape}"
        for name, values in wanted.record.items():
            assert np.array_equal(found.record[name], values), f"{name}, {shape}"
        assert found.saturations == wanted.saturations, shape
        for name, clip in wanted.clips.items():
            for kind in ("counts", "low", "high"):
                same = getattr(found.clips[name], kind) == getattr(clip, kind)
                assert np.all(same | (clip.counts == 0)), f"{kind} of {name}, {shape}"
    if rng.random() < 0.3:
        _assert_rounded_equal(run, graph, x, rng)
    if rng.random() < 0.3:
        _assert_listings_equal(graph, x, rng)
    return "equal"


def _assert_rounded_equal(run: NativeRunner, graph: IntegerGraph, x: np.ndarray, rng: np.random.Generator) -> None:
    """Real samples of any number of sequences, some beyond what may enter, rounded and clipped by several threads."""
    x = x[rng.integers(0, len(x), int(rng.integers(1, 150)))]
    low, high = int(x.min(initial=-1)), int(x.max(initial=1))
    scale, offset = (rng.uniform(*ends, x.shape[2]) for ends in ((0.5, 4.0), (-9.0, 9.0)))
    real = (x + rng.uniform(-0.6, 0.6, x.shape) - offset) / scale
    if rng.random() < 0.5:
        real[tuple(rng.integers(0, size) for size in x.shape if size)] *= 1e3 if real.size else 1
    enters, ones = InputEnd(HostMap(scale, offset), 1.0, low, high), np.ones(graph.size(graph.answer.x))
    ends = Ends(scale, offset, float(min(-low, high)), ones, 0 * ones)
    samples, clipped = enters.quantize(real)
    call.PART = int(rng.choice([1, 1000, 2**23]))  # else all of these would be one thread's
    found = run.run_real(Job(real, threads=int(rng.integers(1, 4))), InputRounding(enters.quantize, ends))
    expected = run_reference(graph, samples)
    assert np.array_equal(found.samples, samples), "rounded samples"
    assert np.array_equal(found.clipped, clipped), "clipped samples"
    assert np.array_equal(found.execution.outputs, expected.outputs), "outputs of real samples"
    assert found.execution.saturations == expected.saturations, "counts of real samples"


def _assert_listings_equal(graph: IntegerGraph, x: np.ndarray, rng: np.random.Generator) -> None:
    """The mapped network, its listings as machine code and interpreted: the latter is compared by other kinds."""
    reset = int(rng.integers(1, 3)) if rng.random() < 0.3 else None
    net = map_network(graph, load_chip("loihi2"), reset, Options(list(Overlap)[rng.integers(0, 3)]))
    first, second = (Machine(net, len(x), neurons=n).run_recorded(x) for n in (InterpretedNeurons, NativeNeurons))
    assert np.array_equal(first[0], second[0]), "outputs of listings"
    for name, states in first[1].items():
        assert np.array_equal(states, second[1][name]), f"{name} of listings"


KIND = Kind(trial, seconds=60)
