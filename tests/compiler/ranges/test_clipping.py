"""Which values lie between two layers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rewrite"))
from raw_ltc import Recorder

from compiler.graph.ops import MatVec, Max
from compiler.ranges.clipping import between_layers


@pytest.mark.parametrize("bounded", [False, True])
def test_values_between_matrices_without_a_bounded_function(bounded):
    r = Recorder()
    r.ops.append(MatVec(r.value("first", 2), (r.input(3),), r.constant("one", np.ones((2, 3)))))
    if bounded:
        r.apply("first", "tanh", "between")
    else:
        r.ops.append(Max(r.value("between", 2), "first", r.constant("zero", [0.0])))
    r.ops.append(MatVec(r.value("second", 2), ("between",), r.constant("two", np.ones((2, 2)))))
    r.output("second")
    r.close("last")
    assert between_layers(r.graph()) == (set() if bounded else {"first", "between"})
