"""Each rule on the smallest graph that shows it: the form that comes out, and the function kept."""

import sys
from pathlib import Path

import numpy as np
import pytest

from compiler.graph.draft import tidy
from compiler.graph.graph import Graph
from compiler.graph.ops import (
    Add,
    Apply,
    Compare,
    Div,
    Gather,
    Input,
    MatVec,
    Mul,
    Op,
    Output,
    Relation,
    SegmentSum,
    Select,
    StateRead,
    StateWrite,
    Sub,
)
from compiler.graph.validate import validate
from compiler.interpreters.float64 import run_float
from compiler.rewrite import extract_row_scales, simplify
from compiler.rewrite.algebra import algebra
from compiler.rewrite.compose import compose
from compiler.rewrite.fold import fold
from compiler.rewrite.rescale import with_normalised_quotients, with_scaled_inputs
from hw_models.errors import GraphError

sys.path.insert(0, str(Path(__file__).parent))
from raw_ltc import Recorder

RNG = np.random.default_rng(5)


def simplified(r: Recorder) -> Graph:
    """The simplified graph of what was recorded; checked to be the same function on 5 random samples."""
    if r.ops:
        r.close("last")
    raw = validate(r.graph())
    graph, _ = simplify(raw)
    assert_same(raw, graph)
    return graph


def assert_same(raw: Graph, graph: Graph) -> None:
    validate(graph)
    features = raw.size(raw.entry.out)
    x = np.random.default_rng(0).normal(size=(2, 5, features))
    assert np.allclose(run_float(raw, x).outputs, run_float(graph, x).outputs, rtol=1e-12, atol=1e-12)


def ops_of(graph: Graph) -> list[Op]:
    return [op for _, op in graph.ops()]


def kinds(graph: Graph) -> list[str]:
    return [type(op).__name__ for op in ops_of(graph)]


def only(graph: Graph, kind: type[Op]) -> Op:
    (op,) = [op for op in ops_of(graph) if isinstance(op, kind)]
    return op


def recorder(features: int = 3) -> tuple[Recorder, str]:
    r = Recorder()
    return r, r.input(features)


def test_fold_computes_constants_and_drops_identities() -> None:
    r, x = recorder()
    y = r.apply(x, "tanh")
    one = r.apply(r.constant("zero", np.zeros(3)), "sigmoid")  # 1/2
    two = r.binary(Div, r.constant("one", [1.0]), one)
    less = r.value("less", 3)
    r.ops.append(Compare(less, r.constant("a", [0.0, 1.0, 2.0]), r.constant("b", [3.0, 3.0, 3.0]), Relation.LESS))
    chosen = r.value("chosen", 3)
    r.ops.append(Select(chosen, less, y, two))
    y = r.binary(Sub, r.binary(Add, r.binary(Mul, chosen, r.constant("ones", [1.0])), "zero"), "zero")
    r.output(r.apply(r.binary(Div, y, two), "tanh"))
    graph = simplified(r)
    assert kinds(graph) == ["Input", "Apply", "Mul", "Apply", "Output"]
    scale = only(graph, Mul)
    assert isinstance(scale, Mul) and np.array_equal(graph.constants[scale.b], np.full(3, 0.5))


def test_constants_are_named_by_how_they_were_made() -> None:
    r, x = recorder()
    w = r.binary(Mul, r.constant("rnn.w", [1.0, 2.0, 3.0]), r.constant("rnn.mask", [1.0, 0.0, 1.0]))
    r.output(r.apply(r.binary(Mul, r.apply(x, "tanh"), w), "tanh"))
    r.close("last")
    assert "rnn.w*rnn.mask" in fold(validate(r.graph())).constants


def test_prune_keeps_inputs_states_outputs_and_shrinks_the_rest() -> None:
    r, x = recorder(3)
    r.state("s", np.zeros(4))
    s = r.read("s")
    pairs = r.gather((s, x), np.arange(7).repeat(2))
    kept = r.binary(Mul, r.apply(pairs, "sigmoid"), r.constant("mask", np.arange(14) % 3 == 1))
    total = r.segment_sum(kept, np.arange(14) % 4, 4)
    r.write("s", r.apply(total, "tanh"))
    r.output(r.gather((total,), [1, 2]))
    graph = simplified(r)
    assert graph.size(only(graph, Input).result or "") == 3
    assert graph.size(only(graph, StateRead).result or "") == 4
    applied = [op for op in ops_of(graph) if isinstance(op, Apply) and op.function == "sigmoid"]
    assert [graph.size(op.out) for op in applied] == [5]


def test_prune_without_any_live_element() -> None:
    r, x = recorder(2)
    dead = r.binary(Mul, r.apply(r.gather((x,), [0, 1, 0, 1]), "sigmoid"), r.constant("mask", np.zeros(4)))
    n = r.segment_sum(dead, [0, 1, 0, 1], 2)
    r.output(r.binary(Add, r.apply(x, "tanh"), n))
    assert kinds(simplified(r)) == ["Input", "Apply", "Output"]


def test_hoist_inserts_a_block_where_the_state_it_reads_was_just_written() -> None:
    r, x = recorder(2)
    r.state("a", [0.1, 0.2])
    r.state("v", [0.3, 0.4])
    r.write("a", r.apply(x, "tanh"))
    r.close("first")
    drive = r.apply(r.binary(Mul, r.read("a"), r.constant("c", [3.0])), "sigmoid")
    v = r.read("v")
    r.write("v", r.apply(r.binary(Add, r.binary(Mul, v, r.constant("d", [0.5])), drive), "tanh"))
    r.close("solver", 4)
    r.output(r.apply(r.read("v"), "tanh"))
    graph = simplified(r)
    assert [b.repeat for b in graph.blocks] == [1, 1, 4, 1]
    assert kinds(graph)[3:6] == ["StateRead", "Mul", "Apply"]


def test_common_subexpressions_across_blocks_but_not_across_writes() -> None:
    r, x = recorder(2)
    r.state("s", [0.5, -0.5])
    a, before = r.apply(x, "tanh"), r.apply(r.read("s"), "tanh")
    r.write("s", r.apply(r.binary(Add, a, before), "tanh"))
    r.close("first")
    b, after = r.apply(x, "tanh"), r.apply(r.read("s"), "tanh")
    r.output(r.binary(Mul, r.binary(Mul, a, b), r.binary(Sub, before, after)))
    assert sum(isinstance(op, Apply) and op.x == "x" for op in ops_of(simplified(r))) == 1


def test_a_chain_of_linear_layers_becomes_one() -> None:
    r, x = recorder(6)
    m1, m2 = RNG.normal(size=(5, 6)), RNG.normal(size=(4, 5))
    z = r.gather((x,), [5, 4, 3, 2, 1, 0])
    for matrix in (m1, m2):
        out = r.value("y", matrix.shape[0])
        r.ops.append(MatVec(out, (z,), r.constant("m", matrix)))
        z = r.binary(Add, r.binary(Mul, out, r.constant("g", [2.0])), r.constant("b", RNG.normal(size=matrix.shape[0])))
    r.output(r.apply(z, "tanh"))
    graph = simplified(r)
    assert kinds(graph) == ["Input", "MatVec", "Add", "Apply", "Output"]
    product = only(graph, MatVec)
    assert isinstance(product, MatVec)
    assert np.allclose(graph.constants[product.matrix], 4.0 * (m2 @ m1)[:, ::-1])


def test_a_narrow_layer_between_two_wide_ones_stays() -> None:
    r, x = recorder(20)
    for rows, columns in ((1, 20), (20, 1)):
        out = r.value("y", rows)
        r.ops.append(MatVec(out, (x,), r.constant("m", RNG.normal(size=(rows, columns)))))
        x = out
    r.output(r.apply(x, "tanh"))
    assert kinds(simplified(r)).count("MatVec") == 2


def test_maps_of_one_input_and_a_constant_dt_become_one() -> None:
    r, x = recorder(3)
    r.state("h", np.zeros(4))
    h = r.read("h")
    maps = []
    for name in ("time_a", "time_b"):
        out = r.value(name, 4)
        r.ops.append(MatVec(out, (x, h), r.constant(f"{name}.w", RNG.normal(size=(4, 7)))))
        maps.append(r.binary(Add, out, r.constant(f"{name}.b", RNG.normal(size=4))))
    t = r.binary(Add, r.binary(Mul, maps[0], r.constant("dt", [0.5])), maps[1])
    h = r.apply(t, "tanh")
    r.write("h", h)
    r.output(h)
    assert kinds(simplified(r)) == ["Input", "StateRead", "MatVec", "Add", "Apply", "StateWrite", "Output"]


@pytest.mark.parametrize(
    ("whole", "sign", "products"), [(1, None, 1), (1, -1, 1), (1, 1, 2), (1, -0.5, 2), (2, None, 2), (2, -1, 2)]
)
def test_blend_has_one_product(whole: float, sign: float | None, products: int) -> None:
    """1 - q may be written 1 + -q; 1 + q and 2 - q are something else."""
    r, x = recorder(3)
    f, g, q = (
        r.apply(r.binary(Mul, x, r.constant("c", [c])), n) for c, n in ((1, "tanh"), (2, "tanh"), (3, "sigmoid"))
    )
    one = r.constant("one", [float(whole)])
    if sign is None:
        rest = r.binary(Sub, one, q)
    else:
        rest = r.binary(Add, r.binary(Mul, q, r.constant("sign", [float(sign)])), one)
    r.output(r.binary(Add, r.binary(Mul, f, rest), r.binary(Mul, q, g)))
    graph = simplified(r)
    last = kinds(graph)[-4:]
    assert (last == ["Sub", "Mul", "Add", "Output"]) == (products == 1)


def test_one_minus_one_minus_a_gate_is_the_gate() -> None:
    """`k = 1 - q; k*f + (1-k)*g` is one product."""
    r, x = recorder(3)
    f, g = (r.apply(r.binary(Mul, x, r.constant("c", [c])), "tanh") for c in (1.0, 2.0))
    q = r.apply(r.binary(Mul, x, r.constant("c", [3.0])), "sigmoid")
    one = r.constant("one", [1.0])
    k = r.binary(Sub, one, q)
    rest = r.binary(Sub, one, k)
    r.output(r.binary(Add, r.binary(Mul, f, k), r.binary(Mul, rest, g)))
    assert kinds(simplified(r))[-4:] == ["Sub", "Mul", "Add", "Output"]


def test_affine_and_products() -> None:
    r, x = recorder(3)
    y = r.apply(x, "tanh")
    y = r.binary(Mul, r.constant("s", [2.0, 3.0, 4.0]), r.binary(Sub, y, r.constant("m", [0.5])))
    r.output(r.apply(r.binary(Mul, y, r.constant("t", [-1.0])), "tanh"))
    r.close("last")
    raw = validate(r.graph())
    assert_same(raw, algebra(fold(raw)))
    graph, _ = simplify(raw)
    assert kinds(graph) == ["Input", "Apply", "Mul", "Add", "Apply", "Output"]


@pytest.mark.parametrize(
    ("first", "then", "joined"),
    [(Mul, Mul, True), (Add, Add, True), (Add, Mul, True), (Mul, Add, False)],
)
def test_maps_before_a_gather_join_those_behind_it(first: type[Op], then: type[Op], joined: bool) -> None:
    r, x = recorder(3)
    mapped = r.binary(first, r.apply(x, "tanh"), r.constant("c", [2.0, 3.0, 4.0]))
    r.output(r.apply(r.binary(then, r.gather((mapped,), [2, 0]), r.constant("d", [5.0, 7.0])), "tanh"))
    r.close("last")
    raw = validate(r.graph())
    graph = compose(raw)
    assert_same(raw, graph)
    order = ["Gather", first.__name__] if joined else [first.__name__, "Gather"]
    assert kinds(graph) == ["Input", "Apply", *order, then.__name__, "Apply", "Output"]


@pytest.mark.parametrize("both", [False, True])
def test_the_number_of_a_rewrite_goes_where_it_is_needless(both: bool) -> None:
    r, x = recorder(2)
    first, second = r.apply(x, "sigmoid", "w"), r.apply(x, "tanh", "w#2")
    r.output(r.binary(Mul, second, first if both else x))
    r.close("last")
    made = [op.result for op in ops_of(tidy(r.graph())) if isinstance(op, Apply)]
    assert made == (["w", "w#2"] if both else ["w"])


def test_the_only_constant_of_a_sum_keeps_its_name() -> None:
    r = Recorder()
    x = r.input(3)
    for layer in ("first", "second"):
        r.ops.append(MatVec(r.value(layer, 2), (x,), r.constant(f"{layer}.weight", RNG.normal(size=(2, 3)))))
    biased = r.binary(Add, "first", r.constant("first.bias", [0.25, -3.5]))
    r.output(r.apply(r.binary(Add, biased, "second"), "tanh"))
    assert "first.bias" in simplified(r).constants


def test_factors_join_the_constants_behind_sums() -> None:
    r, x = recorder(4)
    a = r.binary(Mul, r.apply(x, "sigmoid"), r.constant("w", RNG.uniform(1, 2, 4)))
    n = r.segment_sum(a, [0, 1, 1, 2], 3)
    total = r.binary(Add, n, r.constant("c", [1.0, 2.0, 3.0]))
    r.output(r.apply(r.binary(Mul, total, r.constant("k", [2.0, 4.0, 8.0])), "tanh"))
    graph = simplified(r)
    assert kinds(graph) == ["Input", "Apply", "Mul", "SegmentSum", "Add", "Apply", "Output"]
    weights = only(graph, Mul)
    assert isinstance(weights, Mul)
    assert np.allclose(graph.constants[weights.b], graph_constant(r, "w") * [2.0, 4.0, 4.0, 8.0])


def graph_constant(r: Recorder, name: str) -> np.ndarray:
    return np.asarray(r.constants[name])


def test_host_maps_stay_with_the_host() -> None:
    r, x = recorder(3)
    u = r.binary(Add, r.binary(Mul, x, r.constant("iw", [1.0, 2.0, 0.001])), r.constant("ib", [0.1, 0.2, 0.3]))
    out = r.value("y", 2)
    r.ops.append(MatVec(out, (u,), r.constant("m", RNG.normal(size=(2, 3)))))
    r.output(r.binary(Sub, r.constant("one", [1.0]), r.binary(Mul, r.apply(out, "tanh"), r.constant("ow", [2.0, 3.0]))))
    graph = simplified(r)
    assert kinds(graph)[:3] == ["Input", "MatVec", "Apply"]
    host, product = only(graph, Input), only(graph, MatVec)
    assert isinstance(host, Input) and isinstance(product, MatVec)
    assert np.array_equal(graph.constants[host.scale], [1.0, 2.0, 0.001])
    assert np.array_equal(graph.constants[product.matrix], r.constants["m"])


def test_an_input_map_beside_another_reader_is_not_folded_into_synapses() -> None:
    r, x = recorder(3)
    u = r.binary(Mul, x, r.constant("iw", [1.0, 2.0, 3.0]))
    out = r.value("y", 3)
    r.ops.append(MatVec(out, (u,), r.constant("m", RNG.normal(size=(3, 3)))))
    r.output(r.binary(Mul, r.apply(out, "tanh"), x))
    graph = simplified(r)
    product = only(graph, MatVec)
    assert isinstance(product, MatVec) and np.array_equal(graph.constants[product.matrix], r.constants["m"])


def test_a_constant_result_is_the_hosts_offset() -> None:
    r, x = recorder(2)
    out = r.value("y", 2)
    r.ops.append(MatVec(out, (x,), r.constant("m", np.zeros((2, 2)))))
    r.output(r.binary(Add, out, r.constant("bias", [0.25, -3.5])))
    graph = simplified(r)
    output = only(graph, Output)
    assert isinstance(output, Output)
    assert np.array_equal(graph.constants[output.offset], [0.25, -3.5])
    assert not graph.constants[output.x].any()


def leaky(denominator_is_one_constant: bool) -> Recorder:
    r, x = recorder(2)
    r.state("v", np.zeros(2))
    v = r.read("v")
    d = r.apply(x, "sigmoid")
    k, g = np.array([3.0, 0.0]), np.array([0.25, 0.5])
    numerator = r.binary(Add, r.binary(Add, r.binary(Mul, v, r.constant("k", k)), r.constant("gvl", [0.1, 0.2])), d)
    if denominator_is_one_constant:
        denominator = r.binary(Add, d, r.constant("k+g", k + g))
    else:
        denominator = r.binary(Add, r.constant("g", g), r.binary(Add, d, "k"))
    r.write("v", r.binary(Div, numerator, denominator))
    r.close("solver", 3)
    r.output(r.read("v"))
    return r


@pytest.mark.parametrize("whole", [True, False])
def test_increment_form(whole: bool) -> None:
    graph = simplified(leaky(whole))
    solver = next(b for b in graph.blocks if b.repeat == 3)
    assert [type(op) for op in solver.ops] == [StateRead, Mul, Sub, Div, Add, StateWrite]  # the rest is outside
    (mark,) = graph.time_constants
    assert (mark.state, mark.repeat) == ("v", 3)
    assert np.array_equal(graph.constants[mark.keep], [3.0, 0.0])


def test_quotients_are_normalised_and_the_time_constant_follows() -> None:
    raw = simplified(leaky(True))
    division = only(raw, Div)
    assert isinstance(division, Div)
    upper = {division.b: np.array([8.0, 2.0])}
    graph = with_normalised_quotients(raw, upper)
    assert_same(raw, graph)
    (mark,) = graph.time_constants
    assert mark.total != division.b
    assert np.array_equal(graph.constants[mark.keep], [3.0 / 8.0, 0.0])
    x = np.random.default_rng(0).normal(size=(1, 5, 2))
    before = run_float(raw, x, record=(division.b,)).record[division.b]
    after = run_float(graph, x, record=(mark.total,)).record[mark.total]
    assert np.allclose(before / [8.0, 2.0], after)


def test_a_quotient_of_functions_stays() -> None:
    r, x = recorder(2)
    f = r.apply(x, "sigmoid")
    r.output(r.binary(Div, r.apply(x, "tanh"), f))
    graph = simplified(r)
    assert with_normalised_quotients(graph, {f: np.array([0.5, 0.5])}) is graph


def test_inputs_are_scaled_where_constants_take_it_up() -> None:
    r, x = recorder(3)
    g = r.apply(r.binary(Mul, r.gather((x,), [0, 1, 1]), r.constant("s", [1.0, 2.0, 3.0])), "sigmoid")
    r.output(r.binary(Mul, g, r.apply(r.gather((x,), [1, 2, 2]), "tanh")))
    raw = simplified(r)
    graph = with_scaled_inputs(raw, [4.0, 5.0, 6.0])
    assert_same(raw, graph)
    host = only(graph, Input)
    assert isinstance(host, Input) and np.array_equal(graph.constants[host.scale], [0.25, 1.0, 1.0])


def test_rows_come_out_of_a_matrix() -> None:
    r, x = recorder(3)
    out = r.value("y", 3)
    r.ops.append(MatVec(out, (x,), r.constant("m", [[1.0, -4.0, 0.0], [0.0, 0.0, 0.0], [0.5, 0.5, 0.25]])))
    r.output(r.apply(out, "tanh"))
    raw = simplified(r)
    graph = extract_row_scales(raw)
    assert_same(raw, graph)
    product = only(graph, MatVec)
    assert isinstance(product, MatVec)
    assert np.array_equal(np.abs(graph.constants[product.matrix]).max(axis=1), [1.0, 0.0, 1.0])


def test_a_state_in_two_parts_is_split() -> None:
    r, x = recorder(2)
    r.state("hc", [0.1, 0.2, 0.3, 0.4])
    s = r.read("hc")
    h, c = r.gather((s,), [0, 1]), r.gather((s,), [2, 3])
    c = r.binary(Add, r.binary(Mul, c, r.apply(h, "sigmoid")), r.apply(x, "tanh"))
    h = r.apply(c, "tanh")
    r.write("hc", r.gather((h, c), [0, 1, 2, 3]))
    r.output(h)
    graph = simplified(r)
    assert [(s.name, s.size) for s in graph.states] == [("hc[0:2]", 2), ("hc[2:4]", 2)]
    assert "Gather" not in kinds(graph)
    assert np.array_equal(graph.constants[graph.states[1].initial], [0.3, 0.4])


def test_a_state_written_whole_is_not_split() -> None:
    r, x = recorder(2)
    r.state("v", np.zeros(4))
    y = r.gather((r.read("v"),), [0, 1])
    r.write("v", r.apply(r.gather((x, y), [0, 3, 1, 2]), "tanh"))
    r.output(y)
    assert [s.name for s in simplified(r).states] == ["v"]


def test_sums_of_gathers_become_matrices() -> None:
    r, x = recorder(4)
    r.output(r.apply(r.segment_sum(r.gather((x,), [0, 1, 2, 3, 0, 0]), [0, 0, 1, 1, 1, 1], 2), "tanh"))
    graph = simplified(r)
    product = only(graph, MatVec)
    assert isinstance(product, MatVec)
    assert np.array_equal(graph.constants[product.matrix], [[1, 1, 0, 0], [2, 0, 1, 1]])
    assert not any(isinstance(op, (Gather, SegmentSum)) for op in ops_of(graph))


def test_constants_beside_values_are_held_by_the_neurons() -> None:
    r, x = recorder(3)
    both = r.gather((r.constant("c", [5.0, 6.0]), x, r.constant("d", [7.0])), [5, 2, 0, 1, 4, 4, 3])
    r.output(r.apply(both, "tanh"))
    graph = simplified(r)
    assert kinds(graph) == ["Input", "Gather", "Select", "Apply", "Output"]
    select = only(graph, Select)
    assert isinstance(select, Select)
    assert graph.constants[select.condition].tolist() == [0, 1, 0, 0, 1, 1, 1]
    assert graph.constants[select.b].tolist() == [7, 0, 5, 6, 0, 0, 0]


def test_constants_beside_values_join_a_matrix() -> None:
    r, x = recorder(2)
    both = r.gather((x, r.constant("c", [5.0])), [0, 1, 2])
    y = r.value("y", 1)
    r.ops.append(MatVec(y, (both,), r.constant("w", [[1.0, 2.0, 3.0]])))
    r.output(r.apply(y, "tanh"))
    assert not any(isinstance(op, (Gather, Select)) for op in ops_of(simplified(r)))


def test_passes_that_undo_each_other_are_refused() -> None:
    def swap(graph: Graph) -> Graph:
        """A pass that never rests."""
        return Graph(graph.blocks, graph.values, graph.constants, graph.states)

    r, x = recorder(1)
    r.output(r.apply(x, "tanh"))
    r.close("last")
    with pytest.raises(GraphError, match="reach no fixpoint"):
        simplify(r.graph(), (swap,))


def test_records_say_what_a_pass_does() -> None:
    r, x = recorder(1)
    r.output(r.binary(Mul, x, r.constant("one", [1.0])))
    r.close("last")
    _, records = simplify(r.graph())
    assert (records[0].name, records[0].ops_before, records[0].ops_after) == ("fold", 3, 2)
    assert records[0].note.startswith("Constants are computed")
