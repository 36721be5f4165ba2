"""NaN under a mask: the mask answers whether a value is missing."""

import sys
from pathlib import Path

import numpy as np

from compiler.graph.ops import Add, Compare, Mul, Relation, Select
from compiler.graph.validate import validate
from compiler.interpreters.float64 import run_float
from compiler.rewrite import simplify
from compiler.rewrite.masked_nans import missing

sys.path.insert(0, str(Path(__file__).parent))
from raw_ltc import Recorder


def test_a_question_after_a_gather_is_answered_by_the_mask() -> None:
    r = Recorder()
    whole = r.input(4)
    x, mask = r.gather((whole,), [0, 1]), r.gather((whole,), [2, 3])
    holed, known, filled = r.value("holed", 2), r.value("known", 2), r.value("filled", 2)
    r.ops.append(Select(holed, mask, r.constant("nan", [np.nan]), x))
    turned = r.gather((r.binary(Mul, holed, r.constant("twice", [2.0])),), [1, 0])
    r.ops.append(Compare(known, turned, turned, Relation.EQUAL))
    r.ops.append(Select(filled, known, turned, r.constant("nothing", [-1.0])))
    r.output(r.binary(Add, filled, known))
    r.close("last")
    raw = validate(r.graph())
    graph = validate(missing(raw))
    assert not any(
        np.isnan(graph.constants[n]).any() for _, op in graph.ops() for n in op.operands if n in graph.constants
    )
    graph, _ = simplify(graph)
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(2, 9, 2)), rng.integers(0, 2, (2, 9, 2))], -1)
    assert np.allclose(run_float(raw, x).outputs, run_float(graph, x).outputs, rtol=1e-12)
    assert missing(graph) is graph
