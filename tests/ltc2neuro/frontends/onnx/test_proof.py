"""What `from_onnx` makes is compared with another runtime on the file itself."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")

import torch
from onnx_models import export, model

import ltc2neuro
from ltc2neuro.errors import InputError, ProofError
from ltc2neuro.extras import Extra
from ltc2neuro.frontends.onnx import foreign_runtime
from ltc2neuro.frontends.onnx.ops import RULES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return export(model("own"), tmp_path / "m.onnx", batch=1)


@pytest.mark.parametrize("runtime", ["onnxruntime", "onnx"])
def test_a_rule_that_is_wrong_is_found(path: Path, monkeypatch, runtime: str) -> None:
    """By onnxruntime, or where that is not installed by onnx's own interpreter."""
    if runtime == "onnx":
        monkeypatch.setattr(foreign_runtime, "ONNX", Extra("onnx", ("no_such_module",), "tests"))
    assert ltc2neuro.from_onnx(path, {"h": "h2"}).cell.input_size == 2
    monkeypatch.setitem(RULES, "Tanh", lambda node, x: torch.sin(x))
    with pytest.raises(ProofError, match="does not compute what the ONNX model does") as caught:
        ltc2neuro.from_onnx(path, {"h": "h2"})
    assert str(path) in caught.value.where and "is allowed" in caught.value.numbers


def test_a_runtime_that_does_not_end(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(foreign_runtime, "DEADLINE", 0.01)
    with pytest.raises(InputError, match="no ONNX runtime executes the model") as caught:
        ltc2neuro.from_onnx(path, {"h": "h2"})
    assert caught.value.numbers == "onnxruntime: not done after 0.01 s; onnx: not done after 0.01 s"
