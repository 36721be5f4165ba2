"""The integer graph knows the format of all it holds, and keeps the host's maps apart from the chip's constants."""

from dataclasses import replace

import numpy as np
import pytest
from graph_strategies import SMALL, Builder

from compiler.graph import Graph, IntegerGraph, as_integers
from compiler.graph.ops import MatVec
from compiler.graph.serialize import from_json, to_json
from hw_models.errors import GraphError, InputError
from hw_models.fixed_point import Format


def small() -> IntegerGraph:
    b = Builder()
    b.state("s", [0, 0])
    x = b.input(2)
    b.write("s", b.rescale(b.add(x, b.read("s")), 1, -SMALL, SMALL))
    b.output(b.mat_vec([b.read("s")], [[3, -2]]))
    b.block("only")
    graph = b.graph()
    entry, answer = graph.entry, graph.answer
    host = {entry.scale: np.array([2.0, 4.0]), entry.offset: np.array([1.0, 0.0]), answer.scale: np.array([0.5])}
    return replace(graph, host={**graph.host, **host})


def test_replacing_a_part_keeps_the_type():
    assert isinstance(replace(small(), time_constants=()), IntegerGraph)


def test_a_format_for_every_value_and_state():
    graph = small()
    assert all(graph.format(n) == v.format for n, v in graph.values.items())
    assert graph.state_format("s") == graph.state("s").format
    assert graph.input_format == graph.format("x") and graph.fraction("x") == graph.input_format.fraction


def test_what_has_no_format_says_what_it_is():
    graph = small()
    assert graph.format("s") == graph.state_format("s") and graph.fraction("s") == graph.format("s").fraction
    matrix = next(op for _, op in graph.ops() if isinstance(op, MatVec)).matrix
    with pytest.raises(InputError, match="is a constant, which has no format") as caught:
        graph.format(matrix)
    assert "(1, 2)" in caught.value.numbers and f".constants[{matrix!r}]" in caught.value.advice
    with pytest.raises(InputError, match="no value or state 'nowhere'"):
        graph.format("nowhere")


def test_the_hosts_maps_are_apart():
    graph = small()
    assert np.array_equal(graph.input_map(np.ones((1, 2))), [[3.0, 4.0]])
    assert np.array_equal(graph.output_map(np.ones((1, 1))), [[0.5]])
    assert not graph.constants.keys() & graph.host.keys()
    assert all(np.issubdtype(c.dtype, np.integer) for c in graph.constants.values())


def test_a_file_of_it_is_read_as_one():
    graph = small()
    table, arrays = to_json(graph)
    assert {*graph.constants, *graph.host} == arrays.keys() == table["constants"].keys(), "a file has them together"
    again = from_json(table, arrays)
    assert isinstance(again, IntegerGraph) and again.constants.keys() == graph.constants.keys()
    assert all(np.array_equal(again.host[n], array) for n, array in graph.host.items())
    assert again.blocks == graph.blocks and again.format("x") == graph.format("x")
    assert to_json(again)[0] == to_json(graph)[0]


@pytest.mark.parametrize("missing", ["value x", "state s"])
def test_a_graph_without_a_format_is_none(missing):
    graph = small()
    kind, name = missing.split()
    if kind == "value":
        values = {n: replace(v, format=None) if n == name else v for n, v in graph.values.items()}
        broken = Graph(graph.blocks, values, graph.constants, graph.states)
    else:
        states = tuple(replace(s, format=None) for s in graph.states)
        broken = Graph(graph.blocks, graph.values, graph.constants, states)
    with pytest.raises(GraphError, match=f"{missing} has no format"):
        as_integers(broken)
    assert as_integers(graph) is graph and graph.format("x") != Format(0, 0, 0)
