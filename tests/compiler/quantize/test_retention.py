"""What a state keeps of itself, how far it steps and where it would come to rest: as differences of its step say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest

from compiler.functions import FUNCTIONS
from compiler.graph.builder import GraphBuilder
from compiler.graph.graph import Graph, State
from compiler.graph.ops import Add, Apply, Div, Max, Min, Mul, Select, Sub
from compiler.graph.origin import Origin
from compiler.interpreters import execution
from compiler.quantize.retention import SEQUENCES, SLOPES, STEPS, SlopePoint, retention
from hw_models.arrays import Floats

Make = Callable[[GraphBuilder, str, str], str]


def binary(op: type, build: GraphBuilder, a: str, b: str) -> str:
    return build.append(lambda out: op(out, a, b), 2, Origin("", op.__name__.lower()))


def applied(build: GraphBuilder, function: str, x: str) -> str:
    return build.append(lambda out: Apply(out, x, function), 2, Origin("", function))


def selected(build: GraphBuilder, condition: str, a: str, b: str) -> str:
    return build.append(lambda out: Select(out, condition, a, b), 2, Origin("", "select"))


def halved(build: GraphBuilder, x: str) -> str:
    return binary(Mul, build, build.constant(np.array([0.5, 0.25]), "half"), x)


HALF = np.array([0.5, 0.25])
STEP: dict[str, tuple[Make, Callable[[Floats, Floats], Floats]]] = {
    "add": (lambda b, h, x: binary(Add, b, halved(b, h), x), lambda h, x: HALF * h + x),
    "sub": (lambda b, h, x: binary(Sub, b, x, halved(b, h)), lambda h, x: x - HALF * h),
    "mul": (lambda b, h, x: binary(Mul, b, halved(b, h), binary(Add, b, h, x)), lambda h, x: HALF * h * (h + x)),
    "div": (
        lambda b, h, x: binary(Div, b, binary(Add, b, h, x), binary(Add, b, applied(b, "exp", h), h)),
        lambda h, x: (h + x) / (np.exp(h) + h),
    ),
    "apply": (
        lambda b, h, x: binary(Add, b, applied(b, "tanh", halved(b, h)), x),
        lambda h, x: np.tanh(HALF * h) + x,
    ),
    "select": (
        lambda b, h, x: selected(b, x, halved(b, h), binary(Sub, b, x, h)),
        lambda h, x: np.where(x, HALF * h, x - h),
    ),
    "min": (
        lambda b, h, x: binary(Min, b, binary(Add, b, halved(b, h), x), h),
        lambda h, x: np.minimum(HALF * h + x, h),
    ),
    "max": (
        lambda b, h, x: binary(Max, b, halved(b, h), binary(Sub, b, x, h)),
        lambda h, x: np.maximum(HALF * h, x - h),
    ),
}


def graph_of(make: Make, start: Floats) -> Graph:
    build = GraphBuilder()
    x = build.input(2, Origin("", "input"))
    build.add_state(State("h", 2, build.constant(start, "h.initial")))
    after = make(build, build.read("h", Origin("", "h")), x)
    build.write("h", after)
    build.output(after)
    return build.graph()[0]


@pytest.mark.parametrize("name", STEP)
def test_as_differences_say(name: str) -> None:
    make, step = STEP[name]
    x = np.random.default_rng(0).uniform(0.1, 1, (3, 20, 2))
    if name == "select":
        x[:, ::3] = 0.0
    h, small = np.full((3, 2), 0.3), 1e-5
    leaks, steps, reached = [], [], []
    for t in range(x.shape[1]):
        after = step(h, x[:, t])
        leak = 1 - (step(h + small, x[:, t]) - step(h - small, x[:, t])) / (2 * small)
        leaks.append(leak)
        steps.append(after - h)
        goal = np.abs(h + np.divide(after - h, leak, out=np.zeros_like(h), where=leak > 1e-6))
        reached.append(np.maximum(np.abs(after), goal))
        h = after
    (kept,) = retention(graph_of(make, np.full(2, 0.3)), list(x)).values()
    assert kept.leak == pytest.approx(np.mean(leaks, axis=(0, 1)), abs=1e-7)
    assert kept.step == pytest.approx(np.sqrt(np.mean(np.square(steps), axis=(0, 1))), rel=1e-12)
    assert kept.largest == pytest.approx(np.max(reached, axis=(0, 1)), rel=1e-6)


def test_what_is_too_large_to_run_side_by_side_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, x = graph_of(STEP["mul"][0], np.full(2, 0.3)), np.random.default_rng(2).uniform(0.1, 1, (5, 20, 2))
    whole = retention(graph, list(x))["h"]
    monkeypatch.setattr(execution, "CACHED", 2 * 2)  # as of images: two sequences at once, and the last one alone
    parts = retention(graph, list(x))["h"]
    assert all(np.array_equal(getattr(parts, f.name), getattr(whole, f.name)) for f in fields(whole))


def test_of_the_calibration_the_last_steps_of_the_first_sequences_count() -> None:
    graph = graph_of(STEP["add"][0], np.zeros(2))
    x = np.random.default_rng(1).normal(size=(SEQUENCES + 1, STEPS + 1, 2))
    kept, first = retention(graph, list(x))["h"], retention(graph, list(x[:SEQUENCES, 1:]))["h"]
    assert np.array_equal(kept.step, first.step) and np.array_equal(kept.largest, first.largest)
    shorter = retention(graph, [x[0], x[1, -5:]])["h"]
    assert np.array_equal(shorter.step, retention(graph, list(x[:2, -5:]))["h"].step)
    assert retention(graph, []) == {} and retention(graph, [x[0], x[1, :0]]) == {}


@pytest.mark.parametrize("function", ["sqrt", "log", "log1p"])
@pytest.mark.parametrize("beyond", [-1e-17, 0.0, 2.0**-18])
@pytest.mark.filterwarnings("error")
def test_where_a_function_begins_its_slope_is_finite(function, beyond):
    """Its argument may lie below by rounding, as a mean of squares less the square of a mean does."""
    begins = FUNCTIONS[function].least
    assert begins is not None
    at = SlopePoint(
        Graph((), {}, {}), {"x": np.array([begins + beyond, begins + 1.0])}, {"x": np.ones(())}, np.zeros(2)
    )
    near, usual = SLOPES(Apply("y", "x", function), at)
    assert np.isfinite(near) and near > usual > 0
