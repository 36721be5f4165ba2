"""`ltc2neuro compile step.onnx --state h=h2`: a model that comes as an ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")

import onnx
from onnx import TensorProto, helper

import ltc2neuro
from ltc2neuro.cli.main import main


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    nodes = [
        helper.make_node("Add", ["x", "h"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["h2"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in ("x", "h", "h2")]
    graph = helper.make_graph(nodes, "step", values[:2], values[2:])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "step.onnx")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(3, 9, 2)))
    return [str(tmp_path / "step.onnx"), "--calibration", str(tmp_path / "x.npy")]


def test_an_onnx_file_is_compiled_and_checked(command: list[str], tmp_path: Path, capsys) -> None:
    assert main(["compile", *command, "--state", "h=h2", "-o", str(tmp_path / "m.l2n")]) == 0
    x = np.load(tmp_path / "x.npy")
    layer = ltc2neuro.from_onnx(command[0], {"h": "h2"})
    assert np.array_equal(ltc2neuro.load(tmp_path / "m.l2n")(x), ltc2neuro.compile(layer, x)(x))
    assert main(["check", *command, "--state", "h=h2"]) == 0
    assert "weights:" not in capsys.readouterr().err


@pytest.mark.parametrize("answers", [["all"], ["all", "end"]])
def test_answers_of_several_outputs(tmp_path: Path, answers: list[str], capsys) -> None:
    nodes = [
        helper.make_node("Tanh", ["x"], ["all"]),
        helper.make_node("Gather", ["all", "last"], ["end"], axis=1),
    ]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", "time", 2][:: 2 if n == "end" else 1])
              for n in ("x", "all", "end")]  # fmt: skip
    last = helper.make_tensor("last", TensorProto.INT64, [], [-1])
    graph = helper.make_graph(nodes, "two", values[:1], values[1:], initializer=[last])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "two.onnx")
    x = np.random.default_rng(0).normal(size=(3, 9, 2))
    np.save(tmp_path / "x.npy", x)
    command = ["compile", str(tmp_path / "two.onnx"), "--calibration", str(tmp_path / "x.npy")]
    command += ["-o", str(tmp_path / "m.l2n")]
    assert main(command) == 2 and "--answer" in capsys.readouterr().err
    assert main([*command, *(word for name in answers for word in ("--answer", name))]) == 0
    found = ltc2neuro.load(tmp_path / "m.l2n")(x)
    found = found if isinstance(found, dict) else {"all": found}
    assert list(found) == answers and np.abs(found["all"] - np.tanh(x)).max() < 1e-3


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "one sample besides its states"),
        (["--state", "h"], "'h' names no state"),
        (["--state", "h=h2", "--arg", "units=2"], "--arg is for a factory"),
    ],
)
def test_what_is_said_wrongly(command: list[str], tmp_path: Path, capsys, more: list[str], said: str) -> None:
    assert main(["compile", *command, *more, "-o", str(tmp_path / "m.l2n")]) == 2
    assert said in capsys.readouterr().err
