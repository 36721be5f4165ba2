"""What a graph's ONNX model returns must be what the reference does: for the tests of this folder."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.executors.execution import Execution
from compiler.executors.reference import run_reference
from compiler.graph import Graph
from compiler.graph.integers import as_integers
from compiler.onnx.executor import prepare_onnx
from compiler.running.executor import Job
from compiler.running.extra import ONNX
from hw_models.chip import load_chip


def onnx_agrees(graph: Graph, x: np.ndarray, chip: str = "loihi2", state: dict | None = None) -> Execution:
    """The run of onnxruntime over integers (batch, time, features), which is equal to the reference's."""
    if ONNX.missing():
        pytest.skip("onnx and onnxruntime are not installed")
    bits = load_chip(chip).product_bits
    expected = run_reference(graph, x, state, narrow=bits <= 31)
    found = prepare_onnx(as_integers(graph), bits)(Job(np.asarray(x), state))
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
