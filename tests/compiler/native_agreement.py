"""What a graph returns as machine code must be what the reference does: for the tests of this folder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx_agreement import assert_same

from compiler.graph import Graph
from compiler.graph.integers import as_integers
from compiler.interpreters.execution import Execution
from compiler.interpreters.reference import run_reference
from compiler.native.cpu import PLAIN, Cpu
from compiler.native.executor import NativeRunner
from compiler.ranges.proven import facts_of
from compiler.running.executor import Job
from compiler.running.extra import NATIVE

AVX2 = Cpu(8, 32)


def native_agrees(
    graph: Graph, x: np.ndarray, bits: int = 32, state: dict | None = None, cpu: Cpu | None = None
) -> list[Execution]:
    """Runs over integers (batch, time, features) equal to the reference's: sequences side by side, and one by one."""
    if NATIVE.missing():
        pytest.skip("llvmlite is not installed")
    known = facts_of(as_integers(graph))
    bits = max(bits, known.bits)
    expected = run_reference(graph, x, state, narrow=bits == 32)
    found = []
    for few in (0, len(x)):
        run = NativeRunner(replace(known, bits=bits), cpu, few)
        found.append(run(Job(np.asarray(x), state)))
        assert_same(expected, found[-1])
    return found


def machines() -> list[Cpu]:
    """The shapes of code that run on this CPU."""
    if NATIVE.missing():
        return [PLAIN]
    from compiler.native.build import machine

    own = machine()
    return [m for m in (own, AVX2, PLAIN) if m.register <= own.register and m.permutes <= own.permutes]
