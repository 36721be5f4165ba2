"""What a graph's ONNX model returns must be what the reference does: for the tests of this folder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler.graph import Graph
from compiler.graph.integers import as_integers
from compiler.interpreters.execution import Execution
from compiler.interpreters.reference import run_reference
from compiler.onnx.executor import prepare_onnx
from compiler.ranges.proven import facts_of
from compiler.running.executor import Job
from compiler.running.extra import ONNX


def onnx_agrees(graph: Graph, x: np.ndarray, bits: int = 32, state: dict | None = None) -> Execution:
    """The run of onnxruntime over integers (batch, time, features), equal to the reference's; in `bits` at least."""
    if ONNX.missing():
        pytest.skip("onnx and onnxruntime are not installed")
    known = facts_of(as_integers(graph))
    bits = max(bits, known.bits)
    expected = run_reference(graph, x, state, narrow=bits == 32)
    found = prepare_onnx(replace(known, bits=bits))(Job(np.asarray(x), state))
    assert_same(expected, found)
    return found


def assert_same(expected: Execution, found: Execution) -> None:
    """Outputs, all states, final states, how often each value was clipped, and how far those went."""
    assert np.array_equal(found.outputs, expected.outputs)
    assert found.states.keys() == expected.states.keys() == found.final.keys()
    for name in expected.states:
        assert np.array_equal(found.states[name], expected.states[name]), name
        assert np.array_equal(found.final[name], expected.final[name]), name
    assert found.saturations == expected.saturations
    assert found.clips.keys() == expected.clips.keys()
    for name, clip in expected.clips.items():
        for part in ("counts", "low", "high"):
            assert np.array_equal(getattr(found.clips[name], part), getattr(clip, part)), (name, part)
