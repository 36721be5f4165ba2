"""Products with parameters: a state takes all digits of what is multiplied; elsewhere one multiply does."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.graph.builder import GraphBuilder
from compiler.graph.graph import Graph, State
from compiler.graph.ops import Add, Apply, Mul, MulShift
from compiler.graph.origin import Origin
from compiler.interpreters.float64 import run_float
from compiler.interpreters.reference import run_reference
from compiler.quantize.precision import Precision
from compiler.quantize.to_integers import quantize
from hw_models.chip import load_chip


def gained(taken: bool) -> Graph:
    """gain * tanh(x), which a leaky state takes or the output."""
    build = GraphBuilder()

    def constant(name: str, *values: float) -> str:
        return build.constant(np.array(values), name)

    x = build.input(2, Origin("", "input"))
    t = build.append(lambda out: Apply(out, x, "tanh"), 2, Origin("", "t"))
    u = build.append(lambda out: Mul(out, t, constant("gain", 0.0123, 0.00789)), 2, Origin("", "u"))
    if taken:
        low, high = constant("low", -2.0, -2.0), constant("high", 2.0, 2.0)
        build.add_state(State("h", 2, constant("h.initial", 0.0, 0.0), low, high))
        h = build.read("h", Origin("", "h"))
        kept = build.append(lambda out: Mul(out, h, constant("keep", 0.9877, 0.99211)), 2, Origin("", "kept"))
        u = build.append(lambda out: Add(out, kept, u), 2, Origin("", "next"))
        build.write("h", u)
    build.output(u)
    return build.graph()[0]


@pytest.mark.parametrize(("taken", "wide"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_value_keeps_the_digits_that_its_product_uses(taken: bool, wide: bool) -> None:
    x = np.random.default_rng(0).normal(size=(4, 100, 2))
    graph = quantize(gained(taken), list(x), load_chip("loihi2"), Precision(wide_products=wide))
    factor = graph.format("t")
    assert factor.magnitude > 2**21 if taken and wide else 2**15 < factor.magnitude <= 2**17
    assert not [name for name in graph.values if name.startswith("t@")], "what is not needed is not computed first"
    halves = [op.out for _, op in graph.ops() if isinstance(op, MulShift) and op.out.startswith("u")]
    assert halves == (["u.upper", "u.lower"] if taken and wide else ["u"])


def test_a_whole_product_loses_no_digit_of_its_factors() -> None:
    """30 x * exp(-20 x): where one is large the other is next to nothing, and half an LSB of it is all that is left."""
    build = GraphBuilder()

    def scaled(x: str, factor: float) -> str:
        constant = build.constant(np.full(2, factor), "factor")
        return build.append(lambda out: Mul(out, x, constant), 2, Origin("", "scaled"))

    x = build.input(2, Origin("", "input"))
    argument, wide = scaled(x, -20.1), scaled(x, 30.1)
    small = build.append(lambda out: Apply(out, argument, "exp"), 2, Origin("", "small"))
    build.output(build.append(lambda out: Mul(out, small, wide), 2, Origin("", "product")))
    graph = build.graph()[0]
    x_all = np.random.default_rng(0).uniform(0.2, 1, (2, 200, 2))
    error = {}
    for whole in (False, True):
        net = quantize(graph, list(x_all), load_chip("loihi2"), Precision(segments=64, whole_products=whole))
        sent, _ = net.input_format.quantize(net.input_map(x_all))
        found = net.output_map(run_reference(net, sent).outputs * 2.0**-net.output_fraction)
        error[whole] = float(np.sqrt(np.mean((found - run_float(graph, x_all).outputs) ** 2)))
    assert error[True] < error[False] / 2


@pytest.mark.parametrize("size", [1e-9, 1e-12, 1e-18])
@pytest.mark.parametrize("chip", ["loihi2", "ideal"])
def test_next_to_nothing_of_a_product_is_left(size: float, chip: str) -> None:
    """tanh(x) + tanh(size * x)^2: the square would be shifted by more bits than there are."""
    build = GraphBuilder()
    x = build.input(2, Origin("", "input"))
    large = build.append(lambda out: Apply(out, x, "tanh"), 2, Origin("", "large"))
    factor = build.constant(np.full(2, size), "size")
    scaled = build.append(lambda out: Mul(out, x, factor), 2, Origin("", "scaled"))
    small = build.append(lambda out: Apply(out, scaled, "tanh"), 2, Origin("", "small"))
    square = build.append(lambda out: Mul(out, small, small), 2, Origin("", "square"))
    build.output(build.append(lambda out: Add(out, large, square), 2, Origin("", "sum")))
    samples = np.random.default_rng(0).normal(size=(4, 20, 2))
    made = quantize(build.graph()[0], list(samples), load_chip(chip), Precision())
    entering = made.input_format.quantize(samples * made.input_map.scale + made.input_map.offset)[0]
    assert np.isin(run_reference(made, entering, record=["square"]).record["square"], (-1, 0, 1)).all()
