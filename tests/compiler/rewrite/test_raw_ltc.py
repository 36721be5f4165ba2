"""A raw LTC comes out as the wanted form: only its synapses, sensory half outside, increment form."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.graph.ops import Add, Apply, Div, Gather, Input, Mul, Op, Output, SegmentSum, StateRead, StateWrite, Sub
from compiler.graph.validate import validate
from compiler.interpreters.float64 import run_float
from compiler.rewrite import simplify

sys.path.insert(0, str(Path(__file__).parent))
from raw_ltc import random_parameters, raw_ltc

HALF = [Gather, Mul, Add, Apply, Mul, Mul, SegmentSum, SegmentSum]


def kinds(ops: tuple[Op, ...]) -> list[type[Op]]:
    return [type(op) for op in ops]


def test_the_wanted_form() -> None:
    rng = np.random.default_rng(1)
    p = random_parameters(rng, 8, 19, 1, synapses=47, sensory=40)
    graph, records = simplify(validate(raw_ltc(p)))

    before, solver, after = graph.blocks
    assert kinds(before.ops) == [Input, *HALF]
    assert kinds(solver.ops) == [StateRead, *HALF, Add, Add, Add, Mul, Add, Add, Sub, Div, Add, StateWrite]
    assert kinds(after.ops) == [StateRead, Gather, Output]
    assert (before.repeat, solver.repeat, after.repeat) == (1, 6, 1)
    assert {graph.size(op.result or "") for op in solver.ops[1:7]} == {47}
    assert {graph.size(op.result or "") for op in before.ops[1:7]} == {40}
    assert records[-1].ops_after == sum(len(b.ops) for b in graph.blocks)
    assert records[-1].elements_after == sum(v.size for v in graph.values.values())

    host, output = before.ops[0], after.ops[-1]
    assert isinstance(host, Input) and isinstance(output, Output)
    assert np.array_equal(graph.constants[host.scale], p.input_w)
    assert np.array_equal(graph.constants[host.offset], p.input_b)
    assert np.array_equal(graph.constants[output.scale], p.output_w)
    assert np.array_equal(graph.constants[output.offset], p.output_b)

    scale = before.ops[2]
    assert isinstance(scale, Mul)
    assert sorted(graph.constants[scale.b]) == sorted(p.sensory_sigma[p.sensory_mask == 1.0])

    (mark,) = graph.time_constants
    total = next(op for op in solver.ops if op.result == mark.total)
    assert isinstance(total, Add) and total.b == mark.keep and mark.repeat == 6
    assert np.allclose(graph.constants[mark.keep], p.cm * 6)
    assert any(isinstance(op, Div) and op.b == mark.total for op in solver.ops)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    inputs=st.integers(1, 4),
    units=st.integers(1, 5),
    unfolds=st.integers(1, 4),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    odd=st.booleans(),
)
def test_keeps_the_function(seed: int, inputs: int, units: int, unfolds: int, share: float, odd: bool) -> None:
    rng = np.random.default_rng(seed)
    p = random_parameters(
        rng,
        inputs,
        units,
        int(rng.integers(1, units + 1)),
        synapses=int(share * units * units),
        sensory=int(share * inputs * units),
    )
    if odd:  # valid in raw mode
        p.cm[0] = 0.0
        p.gleak[-1] = 0.0
    p.vleak[0] = 0.0
    raw = validate(raw_ltc(p, unfolds, dt=0.5, epsilon=1e-3))
    graph, _ = simplify(raw)
    x = rng.normal(size=(2, 6, inputs))
    a, b = run_float(raw, x), run_float(graph, x)
    assert np.allclose(a.outputs, b.outputs, rtol=0, atol=1e-11)
    assert np.allclose(a.states["rnn.v"], b.states["rnn.v"], rtol=0, atol=1e-11)


def test_a_large_net() -> None:
    p = random_parameters(np.random.default_rng(2), 16, 302, 8, synapses=4165, sensory=600)
    graph, _ = simplify(raw_ltc(p))
    assert max(v.size for v in graph.values.values()) == 4165


@pytest.mark.parametrize("unfolds", [1, 6])
def test_an_untouched_graph_is_returned_as_it_is(unfolds: int) -> None:
    p = random_parameters(np.random.default_rng(3), 3, 5, 2)
    graph, _ = simplify(raw_ltc(p, unfolds))
    again, records = simplify(graph)
    assert again is graph and records == ()
