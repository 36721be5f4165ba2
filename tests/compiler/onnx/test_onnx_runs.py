"""ONNX models of integer graphs return the reference's integers, in onnxruntime and in onnx's own interpreter."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from graph_strategies import SMALL, Builder, integer_graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_agreement import onnx_agrees

pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")

import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

from compiler.functions import FUNCTIONS
from compiler.graph import IntegerGraph
from compiler.graph.ops import OPS
from compiler.interpreters.reference import run_reference
from compiler.onnx.exports import IntegerExport
from compiler.onnx.functions import OPSET, text
from compiler.onnx.model import IR_VERSION
from compiler.onnx.nodes import Nodes, Shared
from compiler.ranges.proven import facts_of
from hw_models.errors import GraphError

few = settings(max_examples=12, deadline=None, derandomize=True, database=None)


def numbers(graph: IntegerGraph, seed: int, batch: int = 3, time: int = 4) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Samples and states from all that they may be."""
    rng = np.random.default_rng(seed)
    forms = {s.name: (s.size, graph.state_format(s.name)) for s in graph.states}
    states = {n: rng.integers(f.low, f.high + 1, (batch, size)) for n, (size, f) in forms.items()}
    return rng.integers(-SMALL, SMALL + 1, (batch, time, graph.size(graph.entry.out))), states


@pytest.mark.parametrize("ends", [(-128, 127), (-128, 128), (0, 127), (0, 128), (0, 255), (-32768, 32767), (-1, 32768)])
def test_constants_stored_in_fewer_bytes_stay_what_they_are(ends):
    weights = np.resize(np.array(ends), 100).reshape(10, 10)
    shared = Shared(np.dtype(np.int32))
    Nodes(shared).constant("weights", weights)
    (stored,), _ = shared.tensors()
    assert np.array_equal(onnx.numpy_helper.to_array(stored), weights)
    assert stored.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.INT16, onnx.TensorProto.INT32)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_long_tables_are_stored_column_by_column(dtype):
    rows, random = np.arange(300), np.random.default_rng(0)
    widest = np.iinfo(dtype)
    columns = {
        "a line": 7000 * rows - 999,
        "a curve": 20 * rows**3 // 7,
        "noise of few bytes": random.integers(-100, 100, 300),
        "noise": random.integers(widest.min, widest.max, 300),
        "all alike": np.full(300, widest.min),
        "few, far apart": random.choice([widest.min, -1, widest.max], 300),
        "far apart": np.where(rows < 150, widest.min + rows, widest.max - rows),
    }
    table = np.stack(list(columns.values()), 1).astype(dtype)
    shared = Shared(np.dtype(dtype))
    name = Nodes(shared).table("table", table)
    tensors, nodes = shared.tensors()
    out = onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), table.shape)
    graph = onnx.helper.make_graph(nodes, "table", [], [out], tensors)
    opset = onnx.helper.make_opsetid("", OPSET)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    (found,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {})
    (interpreted,) = ReferenceEvaluator(model).run(None, {})
    assert found.dtype == dtype and np.array_equal(found, table) and np.array_equal(interpreted, table)
    taken = Counter[str]()
    for tensor in tensors:
        taken[tensor.name.split(".")[1]] += len(tensor.raw_data)
    assert {name: taken[str(n)] > 500 for n, name in enumerate(columns)} == {
        n: n in ("noise", "far apart") for n in columns
    }


@few
@given(graph=integer_graphs(), seed=st.integers(0, 2**32 - 1), bits=st.sampled_from([32, 64]))
def test_random_graphs(graph, seed, bits):
    x, states = numbers(graph, seed)
    onnx_agrees(graph, x, bits, states if seed % 2 else None)


@few
@given(graph=integer_graphs(), seed=st.integers(0, 2**32 - 1), bits=st.sampled_from([32, 64]))
def test_both_forms_in_the_interpreter_of_onnx(graph, seed, bits):
    x, states = numbers(graph, seed, batch=2, time=3)
    expected = run_reference(graph, x, states)
    program = IntegerExport(proven=replace(facts_of(graph), bits=bits))
    for model in (program.step(), program.sequence()):
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    whole = ReferenceEvaluator(program.sequence(given=True)).run(None, {"x": x, **states})
    assert np.array_equal(whole[0], expected.outputs)
    step, counts = ReferenceEvaluator(program.step()), dict.fromkeys(program.sites, 0)
    for t in range(x.shape[1]):
        y, *rest = step.run(None, {"x": x[:, t], **states})
        now = dict(zip(program.carried, rest, strict=True))
        states = {name: now[name] for name in states}
        assert np.array_equal(y, expected.outputs[:, t])
        assert all(np.array_equal(states[name], expected.states[name][:, t]) for name in states)
        counts = {name: count + int(now[program.sites[name].count].sum()) for name, count in counts.items()}
    assert {name: count for name, count in counts.items() if count} == expected.saturations


def program(b: Builder) -> IntegerExport:
    return IntegerExport(proven=facts_of(b.graph()))


def test_batch_and_time_are_free():
    b = Builder()
    b.state("s", [3, -4])
    b.write("s", b.rescale(b.add(b.read("s"), b.input(2)), 1, -SMALL, SMALL))
    b.output(b.read("s"))
    b.block("sample")
    for batch, time in ((1, 1), (1, 9), (7, 2), (2, 0)):
        onnx_agrees(b.graph(), np.full((batch, time, 2), 1000))


@pytest.mark.parametrize("clips", [True, False])
def test_a_repeated_block_that_writes_nothing(clips):
    """It is left out, but for what it clips."""
    b = Builder()
    b.state("s", [30000])
    b.rescale(b.read("s"), 0, *((-5, 5) if clips else (-SMALL, SMALL)))
    b.block("again", repeat=3)
    b.output(b.input(1))
    b.block("sample")
    run = onnx_agrees(b.graph(), np.zeros((1, 2, 1), int))
    assert sum(run.saturations.values()) == (6 if clips else 0)
    scan = next(n for n in program(b).sequence().graph.node if n.op_type == "Scan")
    assert ("Loop" in {n.op_type for n in scan.attribute[0].g.node}) == clips


def test_only_what_the_proof_says_can_clip_is_counted():
    """max(x, -x) is not negative, though its format is."""
    b = Builder()
    x = b.input(1)
    b.output(b.rescale(b.maximum(x, b.sub(b.constant([0]), x)), 0, 0, SMALL))
    b.block("sample")
    made = program(b)
    assert not made.sites and not made.proven.saturations
    assert {f.name for f in made.sequence().functions} & {"Rescale", "SaturatingRescale"} == {"Rescale"}
    onnx_agrees(b.graph(), np.array([[[SMALL], [-SMALL]]]))


def test_values_that_stand_for_one_of_the_user_are_counted_apart():
    b = Builder()
    x = b.input(1)
    clipped = [b.rescale(x, 0, -5, 5), b.rescale(x, 0, -9, 9)]
    b.values |= {name: replace(b.values[name], represents="v") for name in clipped}
    b.output(b.add(*clipped))
    b.block("sample")
    assert [site.count for site in program(b).sites.values()] == ["v.saturated", "v'.saturated"]
    run = onnx_agrees(b.graph(), np.array([[[7], [10], [-20]]]))
    assert sum(run.saturations.values()) == 5


def test_sums_beyond_what_float64_holds():
    b = Builder()
    wide = b.mul_shift(b.input(3), b.constant([2**40 - 1]), 0)
    b.output(b.mat_vec([wide], [[1, 1, -1], [2, 0, 1]]))
    b.block("sample")
    x = np.array([[[SMALL, SMALL - 2, 1 - SMALL]]])
    assert "WideMatVec" in {f.name for f in program(b).sequence().functions}
    onnx_agrees(b.graph(), x)


def test_a_half_that_does_not_fit_beside_the_value():
    b = Builder()
    wide = b.mul_shift(b.input(2), b.constant([2**16]), 0)
    b.output(b.rescale(wide, 4, -SMALL, SMALL))
    b.block("sample")
    x = np.array([[[SMALL, -SMALL], [7, -7]]])
    onnx_agrees(b.graph(), x)


def test_names_of_users_that_are_also_names_of_the_model():
    b = Builder()
    b.state("y", [1])
    x = b.input(1, "y.all")
    b.write("y", b.add(b.read("y", "rows"), b.bit_and(x, b.constant([1], "x.integers"))))
    b.output(b.add("rows", x))
    b.block("sample")
    onnx_agrees(b.graph(), np.array([[[5], [6]]]))


def test_a_model_says_what_its_nodes_compute():
    b = Builder()
    b.output(b.mul_shift(b.input(2), b.constant([3]), 1))
    b.block("sample")
    model = replace(program(b), metadata={"chip": "loihi2"}).step()
    assert {node.domain for node in model.graph.node} == {"", "ltc2neuro"}
    (function,) = model.functions
    assert (function.domain, function.name) == ("ltc2neuro", "MulShift")
    assert {n.op_type for n in function.node} == {"Mul", "Neg", "BitwiseAnd", "Div"}
    assert [(p.key, p.value) for p in model.metadata_props] == [("chip", "loihi2")]


def test_a_graph_gives_the_same_bytes():
    b = Builder(1)
    b.output(b.polynomial(b.input(2), 5, 3))
    b.block("sample")
    made = program(b)
    first, second = (made.sequence().SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", FUNCTIONS)
def test_element_functions(name):
    x = np.linspace(-9, 9, 181, dtype=np.float32)
    x = np.abs(x) + np.float32(0.01) if name in ("sqrt", "reciprocal", "log", "log1p") else x
    x = x / np.float32(7) if name in ("tan", "sinh", "cosh") else x
    function = ReferenceEvaluator(onnx.parser.parse_function(text(name, onnx.TensorProto.FLOAT)))
    (y,) = function.run(None, {"x": x}, attributes={})
    assert y.dtype == np.float32 and np.allclose(y, FUNCTIONS[name].real(x.astype(np.float64)), rtol=2e-6, atol=1e-6)


def test_every_op_has_a_body_and_what_has_none_is_named():
    """But comparisons, functions and polynomials, which have several."""
    for name in OPS.keys() - {"Input", "Output", "Compare", "Apply", "PiecewisePolynomial"}:
        assert text(name, onnx.TensorProto.INT32)
    with pytest.raises(GraphError, match="nothing is known of the function Modulo"):
        text("Modulo", onnx.TensorProto.INT32)
