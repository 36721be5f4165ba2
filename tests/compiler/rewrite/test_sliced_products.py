"""Gates side by side become gates: no population is left that only hands slices of a product on."""

import sys
from pathlib import Path

import numpy as np
import pytest

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Gather, MatVec, Mul
from compiler.interpreters.float64 import run_float
from compiler.rewrite import simplify

sys.path.insert(0, str(Path(__file__).parent))
from raw_ltc import Recorder

RNG = np.random.default_rng(0)


def gates(slices: list[list[int]], read_whole: bool = False) -> tuple[Graph, Graph]:
    """The product of 6 rows with a scale and a bias, read in slices; before and after the passes."""
    r = Recorder()
    x = r.input(3)
    z = r.value("z", 6)
    r.ops.append(MatVec(z, (x,), r.constant("matrix", RNG.normal(size=(6, 3)))))
    z = r.binary(Add, r.binary(Mul, z, r.constant("scale", RNG.normal(size=6))), r.constant("bias", RNG.normal(size=6)))
    parts = [r.apply(r.gather((z,), index), "tanh" if n % 2 else "sigmoid") for n, index in enumerate(slices)]
    if read_whole:
        parts.append(r.apply(z, "tanh"))
    r.output(r.gather(tuple(parts), np.arange(sum(map(r.size, parts)))))
    r.close("only")
    before = r.graph()
    after, _ = simplify(before)
    data = RNG.normal(size=(2, 3, 3))
    assert np.allclose(run_float(before, data).outputs, run_float(after, data).outputs)
    return before, after


@pytest.mark.parametrize("slices", [[[0, 1, 2], [3, 4, 5]], [[5, 3], [0, 1], [2, 4]], [[0, 2], [4, 1]]])
def test_each_slice_has_its_rows(slices):
    _, graph = gates(slices)
    products = [op for _, op in graph.ops() if isinstance(op, MatVec)]
    assert [graph.size(op.out) for op in products] == [len(s) for s in slices]
    assert not any(isinstance(op, Gather) and set(op.sources) & {p.out for p in products} for _, op in graph.ops())
    biases = [op for _, op in graph.ops() if isinstance(op, Add)]
    assert [graph.size(op.out) for op in biases] == [len(s) for s in slices]


def test_rows_that_are_read_twice_or_whole_stay_one_product():
    for _, graph in (gates([[0, 1, 2], [2, 3]]), gates([[0, 1], [2, 3, 4, 5]], read_whole=True)):
        assert sum(isinstance(op, MatVec) for _, op in graph.ops()) == 1
