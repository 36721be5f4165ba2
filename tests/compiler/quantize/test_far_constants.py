"""Constants that no value comes near: compared with, they fit the word, and the answer is the float graph's."""

from __future__ import annotations

import numpy as np
import pytest
from raw_ltc import Recorder

from compiler.graph.graph import Graph
from compiler.graph.ops import Compare, Max, Min, Relation, Select
from compiler.interpreters.reference import run_reference
from compiler.quantize.precision import Precision
from compiler.quantize.to_integers import quantize
from hw_models.arrays import Floats
from hw_models.chip import load_chip


def both(real: Graph, samples: Floats) -> tuple[Floats, Floats]:
    """The samples as integers hold them, and the answer in integers, in real values."""
    graph = quantize(real, list(samples), load_chip("loihi2"), Precision())
    form, host = graph.input_format, graph.input_map
    integers = form.quantize(host(samples))[0]
    answer = graph.output_map(run_reference(graph, integers).outputs * 2.0**-graph.output_fraction)
    return (form.dequantize(integers) - host.offset) / host.scale, answer


@pytest.mark.parametrize("far", [1.5, 40.0, 1e6, 1e30, np.inf, -40.0, -1e6, -1e30, -np.inf])
@pytest.mark.parametrize("relation", list(Relation))
def test_far_constants(far: float, relation: Relation) -> None:
    r = Recorder()
    x = r.input(2)
    limit = r.constant("limit", [far, 0.25])
    inside = r.ops.append(Compare(r.value("inside", 2), x, limit, relation))
    assert inside is None
    r.ops.append(Select(r.value("chosen", 2), "inside", x, r.constant("other", [0.5, -0.5])))
    bound = r.binary(Min if far > 0 else Max, "chosen", r.constant("bound", [far, far]), "bounded")
    r.output(bound)
    r.close("sample")
    samples = np.random.default_rng(0).uniform(-1, 1, (1, 50, 2))
    held, real = both(r.graph(), samples)
    compare = {Relation.LESS: np.less, Relation.LESS_EQUAL: np.less_equal, Relation.EQUAL: np.equal}[relation]
    expected = np.where(compare(held, [far, 0.25]), held, [0.5, -0.5])
    assert np.abs(real - expected).max() < 1e-4


@pytest.mark.parametrize(("kind", "far"), [(Max, 3.0), (Max, 40.0), (Min, -3.0), (Min, -40.0)])
def test_a_limit_that_no_value_reaches_is_the_answer(kind: type[Max | Min], far: float) -> None:
    """It fits the word, so nothing brings it nearer to the values."""
    r = Recorder()
    r.output(r.binary(kind, r.apply(r.input(2), "tanh"), r.constant("limit", [far, 0.25]), "limited"))
    r.close("sample")
    held, answer = both(r.graph(), np.random.default_rng(0).uniform(-1, 1, (1, 50, 2)))
    assert np.abs(answer - {Max: np.maximum, Min: np.minimum}[kind](np.tanh(held), [far, 0.25])).max() < 1e-3
