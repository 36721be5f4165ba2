"""Norms get the form whose quotient is never larger than 1."""

import sys
from pathlib import Path

import numpy as np
import pytest

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Apply, Div, Max, Mul
from compiler.graph.validate import validate
from compiler.interpreters.float64 import run_float
from compiler.rewrite.norm_roots import roots

sys.path.insert(0, str(Path(__file__).parent))
from raw_ltc import Recorder


def norm(reciprocal: bool, shift: float = 0.0) -> Graph:
    """x / (sqrt(sum(x^2) / 4 + 0.01) + shift), or x times the reciprocal."""
    r = Recorder()
    x = r.input(4)
    total = r.segment_sum(r.binary(Mul, x, x), np.zeros(4, np.int64), 1)
    mean = r.binary(Add, r.binary(Mul, total, r.constant("quarter", [0.25])), r.constant("eps", [0.01]))
    limited = r.value("limited", 1)
    r.ops.append(Max(limited, mean, r.constant("zero", [0.0])))
    root = r.apply(limited, "sqrt")
    if shift:
        root = r.binary(Add, root, r.constant("shift", [shift]))
    if reciprocal:
        inverse = r.gather((r.binary(Div, r.constant("one", [1.0]), root),), np.zeros(4, np.int64))
        r.output(r.binary(Mul, x, inverse))
    else:
        r.output(r.binary(Div, x, r.gather((root,), np.zeros(4, np.int64))))
    r.close("last")
    return validate(r.graph())


@pytest.mark.parametrize("shift", [0.0, 0.3])
@pytest.mark.parametrize("reciprocal", [True, False])
def test_the_factor_goes_behind_the_quotient(reciprocal, shift):
    raw = norm(reciprocal, shift)
    graph = raw
    for _ in range(4):
        graph = roots(graph)
    assert roots(graph) is graph
    validate(graph)
    x = np.random.default_rng(0).normal(size=(2, 5, 4))
    assert np.allclose(run_float(raw, x).outputs, run_float(graph, x).outputs, rtol=1e-12, atol=1e-12)
    (quotient,) = [op for _, op in graph.ops() if isinstance(op, Div)]
    assert quotient.a == raw.entry.out, "what is divided is the numerator itself"
    (root,) = [op for _, op in graph.ops() if isinstance(op, Apply)]
    scaled = [op for _, op in graph.ops() if isinstance(op, Mul) and op.b in graph.constants]
    assert not any(graph.makers[root.x] is op for op in scaled)
    assert [float(graph.constants[op.b][0]) for op in scaled] == [2.0], "sqrt(1/4) is taken off behind"
