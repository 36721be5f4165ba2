"""Ranges that intervals see far too wide: squares, stages of a solver, and words that integers just miss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.functions import FUNCTIONS
from compiler.graph import Block, Graph, State, Value
from compiler.graph.ops import (
    Add,
    Apply,
    Compare,
    Input,
    Max,
    Min,
    Mul,
    Op,
    Output,
    Relation,
    Select,
    StateRead,
    StateWrite,
    Sub,
)
from compiler.interpreters.float64 import run_float
from compiler.interpreters.reference import run_reference
from compiler.quantize.precision import Precision
from compiler.quantize.to_integers import quantize
from compiler.ranges.clipping import find_clipped
from compiler.ranges.observed import Observed
from compiler.ranges.real_intervals import find_bounds, input_margin
from hw_models.chip import load_chip

STAGES = 5


def _stages(low: float | None) -> Graph:
    """v <- v + 0.1 (x - g v_n), whose stages v_k+1 = v + 0.4 (x - g v_k), g = 1 + sigmoid(x), have wider intervals."""
    constants = {"one": np.ones(1), "zero": np.zeros(1), "h": np.array([0.4]), "last": np.array([0.1])}
    constants |= {} if low is None else {"low": np.array([low]), "high": np.array([-low])}
    ops: list[Op] = [Input("x", "one", "zero"), StateRead("v0", "v"), Apply("s", "x", "sigmoid"), Add("g", "s", "one")]
    for k in range(STAGES):
        step = "last" if k == STAGES - 1 else "h"
        ops += [Mul(f"a{k}", "g", f"v{k}"), Sub(f"d{k}", "x", f"a{k}"), Mul(f"m{k}", f"d{k}", step)]
        ops += [Add(f"v{k + 1}", "v0", f"m{k}")]
    ops += [StateWrite("v", f"v{STAGES}"), Output("v0", "one", "zero")]
    values = {op.result: Value(op.result, 1) for op in ops if op.result is not None}
    bounds = (None, None) if low is None else ("low", "high")
    state = State("v", 1, "zero", low=bounds[0], high=bounds[1])
    return Graph((Block("all", tuple(ops)),), values, constants, (state,))


def _signal() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (4, 60, 1)).cumsum(axis=1) * 0.2


def test_stages_from_a_calibrated_state_are_clipped_to_what_is_seen() -> None:
    graph, x = _stages(None), _signal()
    observed = Observed(graph, list(x))
    clipped = find_clipped(graph, observed, 2.0)
    assert clipped
    bounds = find_bounds(graph, observed, 2.0, clipped)
    for name in clipped:
        assert bounds[name].magnitude == pytest.approx(observed.interval(name, 2.0).magnitude)
    integers = quantize(graph, list(x), load_chip("loihi2"), Precision())
    assert {f"{name}.clipped" for name in clipped} <= integers.values.keys()
    sent, _ = integers.input_format.quantize(integers.input_map(x))
    run = run_reference(integers, sent)
    exact = run_float(graph, x).states["v"]
    found = run.states["v"] * integers.state("v").format.lsb
    assert 10 * np.log10(np.sum(exact**2) / np.sum((exact - found) ** 2)) > 75
    assert not run.saturations


def test_what_is_clipped_is_counted() -> None:
    graph, x = _stages(None), _signal()
    integers = quantize(graph, list(x), load_chip("loihi2"), Precision())
    form = integers.state("v").format
    high = np.full((1, 1), form.high)
    start = np.full((1, 1, 1), integers.values["x"].format.low)
    assert any(name.endswith(".clipped") for name in run_reference(integers, start, {"v": high}).saturations)


def test_nothing_that_follows_from_proven_bounds_is_clipped() -> None:
    graph = _stages(-1.0)
    assert not find_clipped(graph, Observed(graph, list(_signal())), 2.0)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 0.5), (-0.9, 0.5), (-1.0, 0.4)])
def test_a_state_is_clipped_where_what_it_becomes_passes_its_bounds(low: float, high: float) -> None:
    """What lies in -1 to 0.5 anyway needs no instruction more."""
    constants = {n: np.array([c]) for n, c in {"one": 1.0, "zero": 0.0, "half": 0.5, "low": low, "high": high}.items()}
    constants["least"] = -constants["one"]
    ops = (
        Input("x", "one", "zero"),
        StateRead("v", "s"),
        Min("below", "x", "half"),
        Max("inside", "below", "least"),
        Compare("open", "x", "zero", Relation.LESS),
        Select("new", "open", "inside", "v"),  # else it stays as it is, which may be at its bounds
        StateWrite("s", "new"),
        Output("v", "one", "zero"),
    )
    values = {op.result: Value(op.result, 1) for op in ops if op.result is not None}
    graph = Graph((Block("all", ops),), values, constants, (State("s", 1, "zero", low="low", high="high"),))
    integers = quantize(graph, list(2 * _signal()), load_chip("loihi2"), Precision())
    assert ("s.next" in integers.values) == ((low, high) != (-1.0, 0.5))


def test_a_square_is_not_negative() -> None:
    constants = {"one": np.ones(1), "zero": np.zeros(1)}
    ops = (Input("x", "one", "zero"), Mul("y", "x", "x"), Output("y", "one", "zero"))
    graph = Graph((Block("all", ops),), {n: Value(n, 1) for n in "xy"}, constants)
    integers = quantize(graph, list(3 * _signal()), load_chip("loihi2"), Precision())
    form = integers.values["y"].format
    assert form.low > -form.high / 100  # its two halves floor apart


def test_what_is_squared_is_clipped_to_what_is_seen() -> None:
    """d = x - 0.9 x is seen within a tenth of x; intervals have it 19 times as wide, its square 361 times."""
    constants = {"one": np.ones(1), "zero": np.zeros(1), "most": np.array([0.9])}
    ops = (Input("x", "one", "zero"), Mul("m", "x", "most"), Sub("d", "x", "m"), Mul("y", "d", "d"))
    graph = Graph(
        (Block("all", (*ops, Output("y", "one", "zero"))),), {n: Value(n, 1) for n in ("x", "m", "d", "y")}, constants
    )
    x = list(_signal())
    assert find_clipped(graph, Observed(graph, x), 2.0) == {"d"}
    integers = quantize(graph, x, load_chip("loihi2"), Precision())
    form, seen = integers.values["y"].format, max(np.abs(s).max() for s in x)
    assert form.high * form.lsb < 5 * (0.1 * seen) ** 2


@settings(max_examples=40, deadline=None)
@given(st.floats(-9, 9), st.floats(1e-4, 2), st.sampled_from(["sigmoid", "tanh"]))
def test_a_function_at_one_side_of_its_middle_is_as_small_as_it_is(middle: float, reach: float, name: str) -> None:
    """sigmoid(-5 + ...) stays below 0.01: its mirror image, near 1, is never selected and takes no word."""
    constants = {"one": np.ones(1), "zero": np.zeros(1), "middle": np.array([middle]), "scale": np.array([0.2])}
    ops = (
        Input("x", "one", "zero"),
        Add("z", "x", "middle"),
        Apply("s", "z", name),
        Mul("y", "s", "scale"),
        Output("y", "one", "zero"),
    )
    values = {op.result: Value(op.result, 1) for op in ops if op.result is not None}
    graph = Graph((Block("all", ops),), values, constants)
    x = np.random.default_rng(0).uniform(-reach, reach, (1, 40, 1))
    integers = quantize(graph, list(x), load_chip("loihi2"), Precision())
    room = input_margin(2.0)
    selected = next((op for _, op in integers.ops() if isinstance(op, Select)), None)
    if selected is not None and abs(middle) > room * reach + 0.1:
        exact = FUNCTIONS[name].real(np.array([middle - room * reach, middle + room * reach]))
        assert integers.values[selected.out].format.magnitude * integers.values[selected.out].format.lsb <= (
            np.abs(exact).max() + 0.01
        )
