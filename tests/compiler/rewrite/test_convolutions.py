"""A matrix at many places: what joins it, and what it lets go."""

import sys
from pathlib import Path

import numpy as np
import pytest

from compiler.graph.graph import Graph
from compiler.graph.ops import Gather, MatVec, Mul, Op
from compiler.interpreters.float64 import run_float
from compiler.rewrite import extract_row_scales, simplify

sys.path.insert(0, str(Path(__file__).parent))
from raw_ltc import Recorder

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(2, 3))
PLACES = np.array([[5, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]])  # five elements, an edge on both sides


def convolved(r: Recorder, x: str, matrix=MATRIX, places=PLACES) -> str:
    out = r.value("conv", len(matrix) * len(places))
    r.ops.append(MatVec(out, (x,), r.constant("conv.weight", matrix), r.constant("places", places)))
    return out


def simplified(r: Recorder) -> Graph:
    r.close("only")
    before = r.graph()
    after, _ = simplify(before)
    x = RNG.normal(size=(3, 2, before.size(before.entry.out)))
    assert np.allclose(run_float(before, x).outputs, run_float(after, x).outputs)
    return after


def found(graph: Graph, kind: type[Op]) -> list[Op]:
    return [op for _, op in graph.ops() if isinstance(op, kind)]


def test_it_is_what_numpy_calls_a_correlation():
    r = Recorder()
    r.output(convolved(r, r.input(5)))
    r.close("only")
    x = RNG.normal(size=5)
    y = run_float(r.graph(), x[None, None]).outputs[0, 0].reshape(2, 5)
    assert np.allclose(y, [np.correlate(x, row, "same") for row in MATRIX])


@pytest.mark.parametrize(("factor", "products"), [(np.repeat([2.0, 3.0], 5), 0), (np.linspace(1, 2, 10), 1)])
def test_a_factor_a_channel_joins_the_matrix_and_one_a_place_does_not(factor, products):
    r = Recorder()
    scaled = r.binary(Mul, convolved(r, r.input(5)), r.constant("norm", factor))
    r.output(r.apply(scaled, "tanh"))
    graph = simplified(r)
    assert len(found(graph, Mul)) == products
    (op,) = found(graph, MatVec)
    expected = MATRIX if products else MATRIX * [[2.0], [3.0]]
    assert isinstance(op, MatVec) and np.allclose(graph.constants[op.matrix], expected)


def test_a_gather_before_it_moves_its_places():
    r = Recorder()
    turned = r.gather((r.input(7),), [6, 5, 4, 3, 2])
    r.output(r.apply(convolved(r, turned), "tanh"))
    graph = simplified(r)
    (op,) = found(graph, MatVec)
    assert not found(graph, Gather)
    assert isinstance(op, MatVec)
    assert np.array_equal(graph.constants[op.places or ""][:2], [[7, 6, 5], [6, 5, 4]])


def test_places_and_pixels_that_nothing_reads_leave():
    r = Recorder()
    pixels = r.apply(r.gather((r.input(7),), [0, 1, 2, 3, 4]), "tanh")
    y = r.apply(convolved(r, pixels), "tanh")
    r.output(r.apply(r.gather((y,), [3, 8, 9]), "sigmoid"))
    graph = simplified(r)
    (op,) = found(graph, MatVec)
    assert isinstance(op, MatVec)
    assert graph.constants[op.places or ""].shape == (2, 3)
    assert graph.size(op.out) == 4
    assert graph.size(op.sources[0]) == 3


def test_rows_of_one_size_have_a_factor_a_channel():
    r = Recorder()
    r.output(r.apply(convolved(r, r.input(5)), "tanh"))
    graph = extract_row_scales(simplified(r))
    (op,), (scale,) = found(graph, MatVec), found(graph, Mul)
    assert isinstance(op, MatVec) and isinstance(scale, Mul)
    assert np.allclose(np.abs(graph.constants[op.matrix]).max(axis=1), 1.0)
    assert np.allclose(graph.constants[scale.b], np.repeat(np.abs(MATRIX).max(axis=1), 5))
