"""A front end without torch writes a graph with the builder; names come last."""

from __future__ import annotations

import numpy as np

from compiler.graph.builder import GraphBuilder
from compiler.graph.graph import State
from compiler.graph.ops import Add, Mul
from compiler.graph.origin import Origin
from compiler.graph.validate import validate
from compiler.interpreters.float64 import run_float


def test_a_leaky_sum_written_by_hand_runs():
    build = GraphBuilder()
    x = build.input(2, Origin("", "input"))
    build.add_state(State("cell.v", 2, build.constant(np.zeros(2), "cell.v.initial"), modules=("cell",)))
    half = build.constant(np.array([0.5, 0.25]), "leak")
    v = build.read("cell.v", Origin("cell", "v_read"))
    kept = build.append(lambda out: Mul(out, v, half), 2, Origin("cell", "mul"))
    after = build.append(lambda out: Add(out, kept, x), 2, Origin("cell", "add"))
    build.write("cell.v", after)
    build.output(after)
    graph, names = build.graph()
    validate(graph)
    assert names == {x: "input", v: "cell.v_read", kept: "cell.mul", after: "cell.add"}
    samples = np.array([[[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]])
    assert run_float(graph, samples).outputs.tolist() == [[[1.0, 1.0], [0.5, 0.25], [2.25, 2.0625]]]


def test_what_is_computed_twice_is_one_value_and_alike_names_get_numbers():
    build = GraphBuilder()
    x = build.input(1, Origin("", "input"))
    first = build.append(lambda out: Add(out, x, x), 1, Origin("head", "add"))
    assert build.known(Add("", x, x)) == first
    assert build.known(Mul("", x, x)) is None
    second = build.append(lambda out: Mul(out, first, first), 1, Origin("head", "add"))
    build.output(second)
    assert list(build.graph()[1].values()) == ["input", "head.add", "head.add_2"]


def test_a_value_of_a_repeated_block_is_out_of_sight_behind_it():
    build = GraphBuilder()
    x = build.input(1, Origin("", "input"))
    build.begin_block("solver", 3)
    inside = build.append(lambda out: Add(out, x, x), 1, Origin("", "add"))
    assert build.in_sight(inside) and build.repeats
    build.begin_block("output")
    assert not build.in_sight(inside)
    assert build.in_sight(x)
    assert build.known(Add("", x, x)) is None


def test_a_constant_is_kept_once_under_a_name_of_its_own():
    build = GraphBuilder()
    names = [build.constant(np.array([value]), "w") for value in (1.0, 2.0, 1.0, 2.0)]
    assert names == ["w", "w_2", "w", "w_2"]
