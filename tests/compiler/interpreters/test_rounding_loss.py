"""What rounding loses is found by running the graph, for each value and channel of its own."""

import numpy as np

from compiler.graph.graph import Block, Graph, State, Value
from compiler.graph.ops import Add, Compare, Input, Max, Mul, Output, Relation, StateRead, StateWrite, Sub
from compiler.interpreters.rounding_loss import rounding_loss

UNIT = 2.0**-23


def graph(ops, states=(), **constants):
    values = {op.result: Value(op.result, 2) for op in ops if op.result is not None}
    plain = {n: np.asarray(c, np.float64) for n, c in {"one": [1, 1], "nil": [0, 0], **constants}.items()}
    return Graph((Block("all", (Input("x", "one", "nil"), *ops, Output(ops[-1].result or "y", "one", "nil"))),),
                 {"x": Value("x", 2), **values}, plain, tuple(states))  # fmt: skip


def test_an_offset_that_is_taken_off_costs_digits_in_its_channel_alone():
    g = graph([Add("a", "x", "large"), Sub("y", "a", "large")], large=[1e5, 1.0])
    x = np.random.default_rng(0).normal(size=(3, 5, 2))
    base, loss = rounding_loss(g, x, UNIT, ["a"])
    assert np.allclose(base.outputs, x)
    assert 1e-3 < loss.outputs[..., 0].max() < 1e5 * 8 * UNIT
    assert 1e-8 < loss.outputs[..., 1].max() < 1e-5
    assert loss.record["a"].shape == (3, 5, 2)


def test_what_is_lost_stays_lost():
    ops = [StateRead("s", "h"), Mul("twice", "s", "two"), Add("y", "twice", "x"), StateWrite("h", "y")]
    g = graph(ops[:3], [State("h", 2, "nil")], two=[2.0, 0.5])
    g = Graph((Block("all", (g.blocks[0].ops[0], *ops, Output("y", "one", "nil"))),), g.values, g.constants, g.states)
    _, loss = rounding_loss(g, np.ones((1, 40, 2)), UNIT)
    assert np.all(np.diff(loss.outputs, axis=1) >= 0)
    assert loss.states["h"][0, -1, 0] > 1e6 * loss.states["h"][0, -1, 1]  # the first channel amplifies what it lost


def test_a_comparison_that_rounding_decides_is_decided_both_ways():
    less = Compare("less", "a", "limit", Relation.LESS)
    g = graph([Add("a", "x", "x"), less, Mul("y", "less", "gain")], limit=[1.0, 1.0], gain=[3.0, 0.0])
    x = np.zeros((3, 4, 2))
    x[1, 2, 0] = 0.5
    x[2, 3] = 0.5 * (1 + 8 * UNIT)
    _, loss = rounding_loss(g, x, UNIT)
    assert (loss.outputs[..., 0] > 1).tolist() == [[False] * 4, [False, False, True, True], [False] * 3 + [True]]
    assert not loss.outputs[..., 1].any()  # what the other side would do is nothing
    _, loss = rounding_loss(g, x, 2.0**-52)
    assert not (loss.outputs[2] > 1).any()


def test_sides_that_are_equal_whatever_the_errors_are():
    g = graph([Add("a", "x", "x"), Max("b", "a", "x"), Compare("y", "b", "a", Relation.LESS_EQUAL)])
    _, loss = rounding_loss(g, np.random.default_rng(0).uniform(1, 2, (3, 4, 2)), UNIT)
    assert not loss.outputs.any()
