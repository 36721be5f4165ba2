"""Activations that exporters take apart are one function again."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")

import numpy as np
import torch
from ncps.torch import CfC
from onnx_models import FEATURES, Model, Stepped, export

import ltc2neuro
from compiler.graph.ops import Apply


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_a_cfc_with_an_activation_of_several_nodes(tmp_path: Path, activation: str) -> None:
    torch.manual_seed(0)
    layer = CfC(FEATURES, 5, activation=activation, backbone_units=6)
    step = Model(Stepped(layer.rnn_cell), (5,), {"h": "h2"})
    x = np.random.default_rng(0).normal(size=(2, 12, FEATURES)).astype(np.float32)
    net = ltc2neuro.compile(ltc2neuro.from_onnx(export(step, tmp_path / "m.onnx"), step.states), x)
    functions = [op.function for block in net.float_graph.blocks for op in block.ops if isinstance(op, Apply)]
    assert functions.count(activation) == 1
    with torch.no_grad():
        y = layer(torch.from_numpy(x))[0].numpy()
    assert np.abs(net(x) - y).max() < 3e-3
