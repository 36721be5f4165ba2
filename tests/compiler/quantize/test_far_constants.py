"""Constants that no value comes near: compared with, they fit the word, and the answer is the float graph's."""

from __future__ import annotations

import numpy as np
import pytest
from raw_ltc import Recorder

from compiler.executors.reference import run_reference
from compiler.graph.ops import Compare, Max, Min, Relation, Select
from compiler.quantize.precision import Precision
from compiler.quantize.to_integers import quantize
from hw_models.chip import load_chip


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
    graph = quantize(r.graph(), list(samples), load_chip("loihi2"), Precision())
    entry = graph.entry
    form, scale, offset = graph.values[entry.out].format, graph.constants[entry.scale], graph.constants[entry.offset]
    assert form is not None
    integers = form.quantize(samples * scale + offset)[0]
    held = (form.dequantize(integers) - offset) / scale
    compare = {Relation.LESS: np.less, Relation.LESS_EQUAL: np.less_equal, Relation.EQUAL: np.equal}[relation]
    expected = np.where(compare(held, [far, 0.25]), held, [0.5, -0.5])
    leave = graph.answer
    fraction = graph.output_fraction
    real = run_reference(graph, integers).outputs * 2.0**-fraction
    real = real * graph.constants[leave.scale] + graph.constants[leave.offset]
    assert np.abs(real - expected).max() < 1e-4
