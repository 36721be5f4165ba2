"""The random programs on Lava itself: mapped and fused, outputs and states are the reference's."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.kind import Kind
from benchmarks.fuzz.programs import program
from compiler.interpreters.execution import Execution
from compiler.interpreters.reference import run_reference
from compiler.lava.run import run_lava
from compiler.mapping import MappedNetwork, Options, Overlap, map_network
from hw_models.chip import load_chip

LANES, SAMPLES = 2, 3


def trial(seed: int) -> str:
    """Compare Lava with the reference on the program of `seed`. Raises `AssertionError` where they differ."""
    graph, rng = program(seed), np.random.default_rng([seed, 3])
    chip, overlap = load_chip("loihi2"), list(Overlap)[rng.integers(0, 3)]

    def mapped(reset_interval: int | None) -> MappedNetwork:
        return map_network(graph, chip, reset_interval, Options(overlap))

    def fused(reset_interval: int | None) -> MappedNetwork:
        return map_network(graph, chip, reset_interval, Options(Overlap.NONE))

    x = rng.integers(-(2**15) + 1, 2**15, (LANES, SAMPLES, fused(None).input_size))
    expected = run_reference(graph, x)
    given = run_reference(graph, x).final if graph.states and rng.random() < 0.3 else None
    if given is None:
        _assert_equal("mapped", run_lava(mapped, x), expected)
        _assert_equal("fused", run_lava(fused, x, fused=True), expected)
        return "equal"
    expected = run_reference(graph, x, given)
    _assert_equal("mapped", run_lava(mapped, x, given), expected)
    _assert_equal("fused", run_lava(fused, x, given, fused=True), expected)
    return "equal, from a state handed in"


def _assert_equal(what: str, run: Execution, expected: Execution) -> None:
    assert np.array_equal(run.outputs, expected.outputs), f"{what}: outputs differ"
    for name, states in expected.states.items():
        assert np.array_equal(run.states[name], states), f"{what}: {name} differs"
        assert np.array_equal(run.final[name], expected.final[name]), f"{what}: {name} at the end differs"


KIND = Kind(trial, seconds=300)
