"""The same random programs as ONNX models in onnxruntime: all that a run tells is equal to the reference's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.fuzz.kind import Kind
from benchmarks.fuzz.programs import drawn, program
from compiler.interpreters.reference import run_reference
from compiler.onnx.executor import prepare_onnx
from compiler.ranges.proven import facts_of
from compiler.running.executor import Job


def trial(seed: int) -> str:
    """Compare outputs, states, and what was clipped. Raises `AssertionError` where they differ."""
    graph, rng = program(seed), np.random.default_rng([seed, 3])
    x, states = drawn(graph, rng)
    expected = run_reference(graph, x, states)
    known = facts_of(graph)
    for bits in {known.bits, 64}:
        found = prepare_onnx(replace(known, bits=bits))(Job(x, states))
        assert np.array_equal(found.outputs, expected.outputs), f"outputs, {bits} bits"
        for name, values in expected.states.items():
            assert np.array_equal(found.states[name], values), f"{name}, {bits} bits"
            assert np.array_equal(found.final[name], expected.final[name]), f"{name} at the end, {bits} bits"
        assert found.saturations == expected.saturations, f"{bits} bits"
    return "equal"


KIND = Kind(trial, seconds=60)
