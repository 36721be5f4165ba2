"""`from_onnx` refuses what it cannot read or should not, with one error of ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")

import onnx
import torch
from onnx import TensorProto, helper
from onnx_models import export, model

import ltc2neuro
from ltc2neuro.errors import InputError
from ltc2neuro.frontends.onnx.modules import cell_of
from ltc2neuro.frontends.onnx.reading import read
from ltc2neuro.frontends.onnx.roles import step_of


def step(path: Path, nodes: list[onnx.NodeProto], *, opset: int = 17, kind: int = TensorProto.FLOAT, **more) -> Path:
    """A step of two features, with a state h that becomes h2."""
    values = [helper.make_tensor_value_info(name, kind, ["batch", 2]) for name in ("x", "h", "h2")]
    graph = helper.make_graph(nodes, "step", values[:2], values[2:], **more)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("mine", 1)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), path)
    return path


def refused(path: Path, said: str, states: dict[str, str] | None = None) -> InputError:
    with pytest.raises(InputError, match=said) as caught:
        ltc2neuro.from_onnx(path, {"h": "h2"} if states is None else states)
    return caught.value


ADD = helper.make_node("Add", ["x", "h"], ["h2"])


def test_the_smallest_step_is_taken(tmp_path: Path) -> None:
    assert ltc2neuro.from_onnx(step(tmp_path / "m.onnx", [ADD]), {"h": "h2"}).cell.state_names == ("h",)


@pytest.mark.parametrize("name", ["state_size", "forward", "_step", "a.b", "/", "training", "times"])
def test_nodes_may_have_any_name(tmp_path: Path, name: str) -> None:
    add = helper.make_node("Add", ["x", "h"], [name], name=name)
    path = step(tmp_path / "m.onnx", [add, helper.make_node("Tanh", [name], ["h2"], name="h")])
    step_cell = cell_of(step_of(read(path), {"h": "h2"}, None), [[torch.zeros(2, 2)] * 2])
    assert step_cell.state_size == (2,)
    assert step_cell(torch.ones(1, 2), torch.zeros(1, 2))[0].shape == (1, 2)


def test_states_that_are_not_there(tmp_path: Path) -> None:
    path = step(tmp_path / "m.onnx", [ADD])
    assert "x (?, 2), h (?, 2)" in refused(path, "one sample besides its states", {}).numbers
    assert "Did you mean 'h2'" in refused(path, "no output 'h22'", {"h": "h22"}).advice


def test_a_model_without_states_and_time(tmp_path: Path) -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Tanh", ["x"], ["y"])], "layer", values[:1], values[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    assert refused(tmp_path / "m.onnx", "neither states nor an axis of time", {}).numbers == "its inputs are x (?, 2)"


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"not a model", b"\x08\x08\x12\x07pytorch:\xff\xff"])
def test_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    refused(tmp_path / "m.onnx", "not a valid ONNX model")


def test_a_file_that_is_cut_or_changed_anywhere(tmp_path: Path) -> None:
    """Whatever the bytes, the model is read or refused."""
    good = export(model("own"), tmp_path / "m.onnx").read_bytes()
    random = np.random.default_rng(0)
    read = 0
    for _ in range(150):
        bad = bytearray(good[: random.integers(len(good) // 2, len(good) + 1)])
        for place in random.integers(0, len(bad), random.integers(0, 6)):
            bad[place] = random.integers(256)
        (tmp_path / "bad.onnx").write_bytes(bad)
        try:
            ltc2neuro.from_onnx(tmp_path / "bad.onnx", {"h": "h2"})
            read += 1
        except ltc2neuro.errors.Ltc2NeuroError:
            pass
    assert read < 150


@pytest.mark.parametrize("place", ["../secret.bin", "/etc/hostname", "link.bin"])
def test_data_outside_of_the_folder_is_not_read(tmp_path: Path, place: str) -> None:
    (tmp_path / "secret.bin").write_bytes(np.ones(2, np.float32).tobytes())
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=place)
    nodes = [helper.make_node("Mul", ["h", "w"], ["wh"]), helper.make_node("Add", ["x", "wh"], ["h2"])]
    refused(step(folder / "m.onnx", nodes, initializer=[weight]), "data from outside of its folder")


@pytest.mark.parametrize(("length", "said"), [(8, None), (800, "past the end")])
def test_data_beside_the_file_is_read(tmp_path: Path, length: int, said: str | None) -> None:
    (tmp_path / "w.bin").write_bytes(np.array([2.0, 3.0], np.float32).tobytes())
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "w.bin"), ("offset", "0"), ("length", str(length))):
        weight.external_data.add(key=key, value=value)
    nodes = [helper.make_node("Mul", ["h", "w"], ["wh"]), helper.make_node("Add", ["x", "wh"], ["h2"])]
    path = step(tmp_path / "m.onnx", nodes, initializer=[weight])
    if said is None:
        assert ltc2neuro.from_onnx(path, {"h": "h2"}).cell.w.tolist() == [2.0, 3.0]
    else:
        refused(path, said)


def test_a_constant_that_no_memory_holds(tmp_path: Path) -> None:
    shape = helper.make_tensor("shape", TensorProto.INT64, [3], [10**6, 10**6, 10**6])
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["h2"]),
    ]
    refused(step(tmp_path / "m.onnx", nodes, initializer=[shape]), "too many elements")


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.BFLOAT16, TensorProto.COMPLEX64])
def test_constants_of_other_types(tmp_path: Path, kind: int) -> None:
    other = helper.make_tensor("other", kind, [1], [b"a" if kind == TensorProto.STRING else 1.0])
    nodes = [helper.make_node("Shape", ["other"], ["n"]), helper.make_node("Expand", ["x", "n"], ["h2"])]
    refused(step(tmp_path / "m.onnx", nodes, initializer=[other]), "of a type that is not supported")


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = step(tmp_path / "m.onnx", [helper.make_node("Add", ["x", "h"], ["h2"], name="a name")])
    path.write_bytes(path.read_bytes().replace(b"a name", b"\xff\xff\xff\xff\xff\xff"))
    assert refused(path, "a name in the ONNX model is not text").where == str(path)


def test_a_file_on_which_the_runtime_aborts(tmp_path: Path) -> None:
    """onnxruntime 1.32.0 ends the process that it runs in on a `Split` with fewer outputs than it says."""
    nodes = [
        helper.make_node("Concat", ["x", "h"], ["both"], axis=1),
        helper.make_node("Split", ["both"], ["a", "h2"], axis=1, num_outputs=1),
    ]
    refused(step(tmp_path / "m.onnx", nodes, opset=18), "no ONNX runtime executes the model")


def test_a_loop_that_runs_for_ever(tmp_path: Path) -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in ("v", "w")]
    number, going = helper.make_tensor_value_info("n", TensorProto.INT64, []), []
    for name in ("go", "goes"):
        going.append(helper.make_tensor_value_info(name, TensorProto.BOOL, []))
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["goes"]), helper.make_node("Add", ["v", "x"], ["w"])],
        "body", [number, going[0], values[0]], [going[1], values[1]],
    )  # fmt: skip
    rounds = helper.make_tensor("rounds", TensorProto.INT64, [], [2**40])
    loop = helper.make_node("Loop", ["rounds", "", "h"], ["h2"], body=body)
    refused(step(tmp_path / "m.onnx", [loop], initializer=[rounds]), "runs a number of times")


def test_an_older_opset(tmp_path: Path) -> None:
    assert "opset_version=13" in refused(step(tmp_path / "m.onnx", [ADD], opset=11), "of opset 13 or newer").advice


def test_operators_of_others_and_those_without_a_rule(tmp_path: Path) -> None:
    refused(step(tmp_path / "m.onnx", [helper.make_node("Run", ["x"], ["h2"], domain="mine")]), "mine.Run")
    refused(step(tmp_path / "m.onnx", [helper.make_node("Det", ["x"], ["h2"])]), "operator Det is not supported")


def test_tokens_and_half_precision(tmp_path: Path) -> None:
    refused(step(tmp_path / "m.onnx", [ADD], kind=TensorProto.FLOAT16), "floats, all of 32 bits")
    refused(step(tmp_path / "m.onnx", [ADD], kind=TensorProto.INT64), "a step takes floats")
