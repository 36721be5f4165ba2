"""`from_onnx` of one step: as both of torch's exporters write it, it computes what onnxruntime does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")

import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from onnx_models import FEATURES, export, model, stepped

import ltc2neuro
from ltc2neuro.frontends.onnx.net import OnnxRepeat
from ltc2neuro.nn import Recurrent

X = np.random.default_rng(0).normal(size=(2, 20, FEATURES)).astype(np.float32)
ALL = ("ltc", "cfc", "timed cfc", "wired cfc", "gru", "rnn", "lstm", "own")


def assert_like_onnxruntime(path: Path, name: str) -> Recurrent:
    step = model(name)
    layer = ltc2neuro.from_onnx(path, step.states)
    assert isinstance(layer, Recurrent)
    with torch.no_grad():
        y, _ = layer(torch.from_numpy(X))
    assert np.abs(y.numpy() - stepped(path, X, step)).max() < 3e-6
    return layer


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("opset", [13, 20])
def test_a_step_of_the_older_exporter(tmp_path: Path, name: str, opset: int) -> None:
    assert_like_onnxruntime(export(model(name), tmp_path / "m.onnx", opset=opset), name)


NEWER = [("ltc", 18), ("wired cfc", 23), ("gru", 18), ("own", 18)]


@pytest.mark.parametrize(("name", "opset"), NEWER)
def test_a_step_of_the_newer_exporter(tmp_path: Path, name: str, opset: int) -> None:
    pytest.importorskip("onnxscript", reason="the newer exporter needs onnxscript")
    layer = assert_like_onnxruntime(export(model(name), tmp_path / "m.onnx", dynamo=True, opset=opset), name)
    assert [m.times for m in layer.modules() if isinstance(m, OnnxRepeat)] == ([6] if name == "ltc" else [])


def test_a_step_exported_for_a_batch_of_one(tmp_path: Path) -> None:
    layer = ltc2neuro.from_onnx(export(model("own"), tmp_path / "m.onnx", batch=1), {"h": "h2"})
    with torch.no_grad():
        y, _ = layer(torch.from_numpy(X))
    rows = [stepped(tmp_path / "m.onnx", row[None], model("own")) for row in X]
    assert np.abs(y.numpy() - np.concatenate(rows)).max() < 3e-6


def blocks(net: ltc2neuro.Network) -> list[tuple[int, int]]:
    return [(block.repeat, len(block.ops)) for block in net.graph.blocks]


def test_the_unfolds_of_an_ltc_are_one_block_as_in_torch(tmp_path: Path) -> None:
    layer = ltc2neuro.from_onnx(export(model("ltc"), tmp_path / "m.onnx"), {"v": "v2"})
    (block,) = (m for m in layer.modules() if isinstance(m, OnnxRepeat))
    assert block.times == 6
    torch.manual_seed(0)
    own = LTC(FEATURES, AutoNCP(19, 1, seed=1))
    known, found = (blocks(ltc2neuro.compile(m, X)) for m in (own, layer))
    assert known == found == [(1, 14), (6, 45), (1, 3)]
