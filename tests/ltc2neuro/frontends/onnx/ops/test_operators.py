"""Activations with numbers of their own, also far from 0, where the proof's samples seldom are."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the extra torch")
pytest.importorskip("onnx", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper

from ltc2neuro.frontends.onnx.ops import rule_of
from ltc2neuro.frontends.onnx.ops.graph import Node

X = np.array([-80.0, -6.0, -3.0, -2.5, -0.5, 0.0, 0.5, 2.5, 3.0, 6.0, 80.0], np.float32)


@pytest.mark.parametrize(
    ("op", "numbers"),
    [
        ("Selu", {}),
        ("Selu", {"alpha": 2.0, "gamma": 0.5}),
        ("Selu", {"gamma": 2.0}),
        ("Elu", {"alpha": 0.3}),
        ("HardSigmoid", {"alpha": 0.3, "beta": 0.1}),
        ("HardSwish", {}),
        ("LeakyRelu", {"alpha": 0.3}),
        ("Gelu", {"approximate": "tanh"}),
        ("Softplus", {}),
        ("Softsign", {}),
        ("Celu", {"alpha": 0.3}),
        ("Round", {}),
        ("Floor", {}),
        ("Sin", {}),
        ("Cos", {}),
        ("Atan", {}),
        ("Asinh", {}),
        ("LogSoftmax", {"axis": 0}),
    ],
)
def test_a_rule_computes_what_onnxruntime_does(op: str, numbers: dict[str, float | str]) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [len(X)]) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"], **numbers)], "one", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    (expected,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": X})
    node = Node(op, "one", ("x",), ("y",), numbers)
    found = rule_of(node)(node, torch.from_numpy(X))
    assert isinstance(found, torch.Tensor) and np.allclose(found.numpy(), expected, rtol=1e-6, atol=1e-6)
