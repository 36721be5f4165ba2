"""`validate`, `prove` and the JSON form refuse what breaks the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from graph_strategies import SMALL, Builder, integer_graphs, random_graph
from hypothesis import assume, example, given, settings

from compiler.graph import Block, Graph, Value, ops
from compiler.graph.serialize import from_json, to_json
from compiler.graph.validate import problems, validate
from compiler.interpreters.reference import run_reference
from compiler.ranges.integer_spans import find_spans
from compiler.ranges.proven import prove
from hw_models.chip import load_chip
from hw_models.errors import ArtifactError, GraphError, QuantizeError
from hw_models.fixed_point import Format

LOIHI2 = load_chip("loihi2")


def small() -> Graph:
    b = Builder()
    b.state("s", [0, 0])
    x = b.input(2)
    b.block("input")
    b.write("s", b.rescale(b.add(x, b.read("s")), 1, -SMALL, SMALL))
    b.block("loop", 2)
    b.output(b.mat_vec([b.read("s")], [[3, -2]]))
    b.block("output")
    return b.graph()


def with_op(graph: Graph, old: type[ops.Op], new: Callable[[ops.Op], ops.Op]) -> Graph:
    """The graph with each op of the type `old` changed."""
    blocks = tuple(replace(b, ops=tuple(new(op) if isinstance(op, old) else op for op in b.ops)) for b in graph.blocks)
    return replace(graph, blocks=blocks)


def doubled_write(graph: Graph) -> Graph:
    block = graph.blocks[1]
    return replace(graph, blocks=(graph.blocks[0], replace(block, ops=(*block.ops, block.ops[-1])), graph.blocks[2]))


BROKEN = {
    "which does not exist": lambda g: with_op(g, ops.Add, lambda op: replace(op, a="nothing")),
    "no such state": lambda g: with_op(g, ops.StateRead, lambda op: replace(op, state="t")),
    "lacks its array": lambda g: with_op(g, ops.MatVec, lambda op: replace(op, matrix="m")),
    "does not belong in an integer graph": lambda g: with_op(g, ops.Add, lambda op: ops.Mul(op.out, op.a, op.b)),
    "written twice": doubled_write,
    "the output repeats 2 times": lambda g: replace(g, blocks=(*g.blocks[:2], replace(g.blocks[2], repeat=2))),
    "has 2 ops Output": lambda g: replace(g, blocks=(*g.blocks, replace(g.blocks[2], ops=g.blocks[2].ops[-1:]))),
    "in.scale has 2 axes": lambda g: replace(g, host={n: array[None] for n, array in g.host.items()}),
    "in.offset does not have 2": lambda g: replace(g, host={**g.host, "in.offset": np.zeros(3)}),
    "lacks its array out.scale": lambda g: replace(g, host={n: g.host[n] for n in ("in.scale", "in.offset")}),
    "of the chip and of the host": lambda g: replace(g, constants={**g.constants, "in.scale": np.ones(2, int)}),
    "has 1 axes": lambda g: replace(g, constants={n: c.ravel() for n, c in g.constants.items()}),
    "repeats 0 times": lambda g: replace(g, blocks=(replace(g.blocks[0], repeat=0), *g.blocks[1:])),
    "has no format": lambda g: replace(g, states=tuple(replace(s, format=None) for s in g.states)),
    "is computed nowhere": lambda g: replace(g, blocks=g.blocks[:1]),
    "is not integer": lambda g: replace(g, constants={**g.constants, g.states[0].initial: np.zeros(2)}),
    "does not have 2 elements": lambda g: replace(g, constants={**g.constants, g.states[0].initial: np.zeros(3, int)}),
    "matrix is (1, 3), not (1, 2)": lambda g: replace(
        g, constants={n: np.ones((1, 3), np.int64) if c.ndim == 2 else c for n, c in g.constants.items()}
    ),
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_graph_is_named(text):
    assert problems(small()) == []
    broken = BROKEN[text](small())
    assert any(text in p for p in problems(broken)), problems(broken)
    with pytest.raises(GraphError):
        validate(broken, "a test")


def test_a_state_has_a_name_of_its_own():
    graph = small()
    (state,) = graph.states
    for name in (graph.blocks[0].ops[0].result, next(iter(graph.constants))):
        named = with_op(graph, (ops.StateRead, ops.StateWrite), lambda op: replace(op, state=name))  # noqa: B023
        with pytest.raises(GraphError, match=f"{name} is a state and a"):
            validate(replace(named, states=(replace(state, name=name),)), "a test")


def test_a_value_of_a_repeated_block_is_not_seen_outside():
    graph = small()
    inner = graph.blocks[1].ops[-1].x
    broken = replace(graph, blocks=(*graph.blocks[:2], Block("output", (ops.Output(inner, "in.scale", "in.offset"),))))
    assert any("which does not exist" in p for p in problems(broken))


def with_format(graph: Graph, kind: type[ops.Op], form: Format) -> Graph:
    name = next(op.result for _, op in graph.ops() if isinstance(op, kind))
    return replace(graph, values={**graph.values, name: replace(graph.values[name], format=form)})


def test_prove_refuses_what_can_leave_its_format():
    prove(small(), LOIHI2)
    with pytest.raises(GraphError, match="leave its format"):
        prove(with_format(small(), ops.Add, Format(0, -2 * SMALL + 1, 2 * SMALL)), LOIHI2)
    with pytest.raises(GraphError, match="mixes the fractions"):
        prove(with_format(small(), ops.Add, Format(1, -2 * SMALL, 2 * SMALL)), LOIHI2)


def test_prove_refuses_heavy_weights_and_full_accumulators():
    heavy = {n: np.array([[256, 0]]) if c.ndim == 2 else c for n, c in small().constants.items()}
    with pytest.raises(GraphError, match="weight above 255"):
        prove(replace(small(), constants=heavy), LOIHI2)
    # the whole sum of the row is small, but a part of it is not
    full = {n: np.array([[255, 255]]) if c.ndim == 2 else c for n, c in small().constants.items()}
    with pytest.raises(GraphError, match="partial sum"):
        prove(replace(small(), constants=full), LOIHI2)


def test_prove_refuses_wide_products():
    b = Builder()
    x = b.input(1)
    b.output(b.mul_shift(b.add(x, x), b.constant([SMALL + 3]), [15]))
    b.block("only")
    with pytest.raises(GraphError, match="the chip's width"):
        prove(b.graph(), LOIHI2)


def test_prove_refuses_states_that_leave_their_format():
    graph = small()
    state = graph.states[0]
    for initial in ([0, SMALL + 1], [-SMALL - 1, 0]):
        outside = {**graph.constants, state.initial: np.array(initial)}
        with pytest.raises(GraphError, match="begins outside its format"):
            prove(replace(graph, constants=outside), LOIHI2)
    for form in (Format(0, -SMALL, SMALL - 2), Format(0, -SMALL + 2, SMALL)):
        narrow = replace(graph, states=(replace(state, format=form),))
        with pytest.raises(GraphError, match="what is written to the state s can leave its format"):
            prove(with_reads(narrow, form), LOIHI2)
    with pytest.raises(GraphError, match="does not have the format of the state s"):
        prove(with_reads(graph, Format(0, -SMALL + 1, SMALL)), LOIHI2)
    with pytest.raises(GraphError, match="does not have the format of the state s"):
        prove(with_reads(graph, Format(0, -SMALL, SMALL - 1)), LOIHI2)
    with pytest.raises(GraphError, match="does not have the format of the state s"):
        prove(with_reads(graph, Format(1, -SMALL, SMALL)), LOIHI2)


def with_reads(graph: Graph, form: Format) -> Graph:
    names = [op.out for _, op in graph.ops() if isinstance(op, ops.StateRead)]
    return replace(graph, values={**graph.values, **{n: replace(graph.values[n], format=form) for n in names}})


@pytest.mark.parametrize("shift", [-1, 63])
def test_prove_refuses_shifts_that_are_none(shift):
    for op in ("mul_shift", "shift", "rescale"):
        b = Builder()
        x = b.input(1)
        if op == "mul_shift":
            b.output(b.mul_shift(x, x, [0]))
            b.constants[b.ops[-2].shift][0] = shift
        elif op == "shift":
            b.output(b.shift(x, b.constant([abs(shift) if shift > 0 else -63]), -5, 5))
        else:
            b.output(b.rescale(x, shift, -5, 5))
        b.block("only")
        with pytest.raises(GraphError, match="impossible number of bits"):
            prove(b.graph(), LOIHI2)


@pytest.mark.parametrize(
    ("number", "held"), [(2**23 - 1, True), (2**23, False), (-(2**23), True), (-(2**23) - 1, False)]
)
def test_prove_refuses_constants_wider_than_a_word(number, held):
    b = Builder()
    b.output(b.compare(b.input(1), b.constant([number]), ops.Relation.LESS))
    b.block("only")
    if held:
        prove(b.graph(), LOIHI2)
    else:
        with pytest.raises(QuantizeError, match=r"wider than a word(?s:.*)Scale the channels of the input"):
            prove(b.graph(), LOIHI2)


def test_prove_refuses_empty_formats():
    with pytest.raises(GraphError, match="empty format"):
        prove(with_format(small(), ops.Rescale, Format(0, 5, 4)), LOIHI2)


def test_prove_refuses_a_shift_whose_format_holds_no_such_multiple():
    b = Builder()
    b.output(b.shift(b.input(1), b.constant([2]), 9, 12))
    b.block("only")
    prove(b.graph(), LOIHI2)
    with pytest.raises(GraphError, match="leave its format"):
        prove(with_format(b.graph(), ops.Shift, Format(0, 9, 11)), LOIHI2)


@pytest.mark.parametrize("mask", [[5], [-1], "x"])
def test_prove_refuses_a_mask_that_is_none(mask):
    b = Builder()
    x = b.input(1)
    b.output(b.bit_and(x, x if mask == "x" else b.constant(mask)))
    b.block("only")
    with pytest.raises(GraphError, match="2\\^k - 1"):
        prove(b.graph(), LOIHI2)


def test_prove_sees_products_that_even_64_bits_cannot_hold():
    b = Builder()
    x = b.input(1)
    far = b.mul_shift(x, b.constant([2**44]), [0])
    b.output(b.mul_shift(far, far, [60]))
    b.block("only")
    with pytest.raises(GraphError, match="the chip's width"):
        prove(b.graph(), load_chip("ideal"))


@pytest.mark.parametrize(("low", "high"), [(10, 25), (-25, -10), (-9, 30), (0, 1)])
@pytest.mark.parametrize(("least", "most"), [(2, 2), (-3, -1), (-1, 4), (0, 6)])
def test_the_span_of_a_shift_is_what_it_returns(low, high, least, most):
    b = Builder()
    every = b.input(2)
    x = b.rescale(b.gather([every], [0]), 0, low, high)
    shifted = b.shift(x, b.rescale(b.gather([every], [1]), 0, least, most), -37, 21)
    b.output(shifted)
    b.block("only")
    graph = b.graph()
    pairs = [[(v, a)] for v in range(low, high + 1) for a in range(least, most + 1)]
    got = run_reference(graph, np.array(pairs), record=[shifted]).record[shifted]
    span = find_spans(graph)[shifted]
    assert (span.least, span.most) == (got.min(), got.max())


@settings(max_examples=60, deadline=None)
@example(random_graph(3979, 2, 16, 3))  # the product of a value and of its like that never comes to 0
@given(integer_graphs())
def test_spans_hold_all_that_random_graphs_compute(graph):
    masks = [graph.constants.get(op.b, np.array([-1])) for _, op in graph.ops() if isinstance(op, ops.And)]
    assume(all(np.all(m >= 0) for m in masks))  # these graphs also have masks that `prove` refuses
    spans = find_spans(graph)
    x = np.random.default_rng(0).integers(-SMALL, SMALL + 1, (4, 3, graph.size("x")))
    x[0], x[1] = -SMALL, SMALL
    run = run_reference(graph, x, record=list(graph.values))
    for name, values in run.record.items():
        assert np.all(values >= spans[name].low) and np.all(values <= spans[name].high), name


@settings(max_examples=60, deadline=None)
@given(integer_graphs())
def test_json_keeps_random_graphs(graph):
    table, arrays = to_json(graph)
    again = from_json(table, arrays)
    assert (again.blocks, again.values, again.states) == (graph.blocks, graph.values, graph.states)
    assert all(np.array_equal(again.constants[n], c) for n, c in graph.constants.items())


@pytest.mark.parametrize("key", ["blocks", "values", "states", "constants", "fractions", "time_constants"])
def test_json_without_a_part_is_refused(key):
    table, arrays = to_json(small())
    with pytest.raises(ArtifactError, match="not a graph"):
        from_json({n: v for n, v in table.items() if n != key}, arrays)


def test_json_with_an_unknown_op_is_refused():
    table, arrays = to_json(small())
    table["blocks"][0]["ops"][0]["op"] = "Explode"
    with pytest.raises(ArtifactError, match="Explode"):
        from_json(table, arrays)


@pytest.mark.parametrize("wrong", [None, 5, {}, [1, 2], True])
@pytest.mark.parametrize("field", ["a", "out"])
def test_json_with_fields_of_other_types_is_refused(field, wrong):
    table, arrays = to_json(small())
    (add,) = [op for block in table["blocks"] for op in block["ops"] if op["op"] == "Add"]
    add[field] = wrong
    with pytest.raises(ArtifactError, match=f"{field} of Add"):
        from_json(table, arrays)


@pytest.mark.parametrize("size", [None, "2", 2.5])
def test_json_with_a_size_of_another_type_is_refused(size):
    table, arrays = to_json(small())
    table["values"][0]["size"] = size
    with pytest.raises(ArtifactError, match="size of Value"):
        from_json(table, arrays)


@pytest.mark.parametrize("function", ["sigmoid", "explode"])
def test_a_function_that_is_none_is_named(function):
    values = {n: Value(n, 2) for n in ("x", "y")}
    ones, zeros = np.ones(2), np.zeros(2)
    run = (ops.Input("x", "one", "zero"), ops.Apply("y", "x", function), ops.Output("y", "one", "zero"))
    found = problems(Graph((Block("all", run),), values, {"one": ones, "zero": zeros}))
    assert [p for p in found if "no such function" in p] == (found[:1] if function == "explode" else [])


@pytest.mark.parametrize(
    ("array", "wrong"),
    [
        (None, lambda a: a),
        (0, lambda knots: knots[::-1]),
        (0, lambda knots: np.append(knots, knots[-1] + 1)),
        (0, lambda knots: knots[[0, 0]]),
        (1, lambda origins: origins[1:]),
        (3, lambda shifts: shifts[1:]),
        (3, lambda shifts: shifts[:, 1:]),
    ],
    ids=["as it is", "falling", "a knot too many", "twice", "an origin too few", "a row less", "a column less"],
)
def test_a_polynomial_whose_arrays_do_not_fit_together(array, wrong):
    b = Builder()
    b.output(b.polynomial(b.input(2), segments=3, degree=2))
    b.block("only")
    graph = b.graph()
    (op,) = [op for _, op in graph.ops() if isinstance(op, ops.PiecewisePolynomial)]
    name = op.arrays[array or 0]
    found = problems(replace(graph, constants={**graph.constants, name: wrong(graph.constants[name])}))
    assert len(found) == (array is not None) and all("its table is inconsistent" in text for text in found)
