"""Products with matrices, convolutions and what goes with them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ltc2neuro.frontends.onnx.ops.graph import Node
from ltc2neuro.frontends.onnx.ops.rule import Rule, unsupported


def _gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    a = a.mT if node.whole("transA", 0) else a
    y = functional.linear(a, b if node.whole("transB", 0) else b.mT)
    alpha, beta = node.real("alpha", 1.0), node.real("beta", 1.0)
    y = y if alpha == 1.0 else y * alpha
    return y if c is None or beta == 0.0 else y + (c if beta == 1.0 else c * beta)


def _strides(node: Node, count: int) -> list[int]:
    return list(node.wholes("strides") or (1,) * count)


def _padded(node: Node, x: Tensor, count: int, value: float = 0.0) -> Tensor:
    """With the padding written out, which may differ at both ends of an axis."""
    if node.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise unsupported(node, "pads by itself (auto_pad)", "Write its padding as numbers.")
    pads = node.wholes("pads") or (0,) * (2 * count)
    by_axis = [end for axis in reversed(range(count)) for end in (pads[axis], pads[axis + count])]
    return functional.pad(x, by_axis, value=value) if any(by_axis) else x


def _conv(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    count = x.dim() - 2
    if count not in (1, 2):
        raise unsupported(node, f"has {count} axes to move along", "One or two are supported.")
    function = functional.conv1d if count == 1 else functional.conv2d
    dilation = list(node.wholes("dilations") or (1,) * count)
    x = _padded(node, x, count)
    return function(x, weight, bias, _strides(node, count), dilation=dilation, groups=node.whole("group", 1))


def _pool(one: Callable[..., Tensor], two: Callable[..., Tensor], lowest: float | None) -> Rule:
    """Pooling over one axis or two; `lowest` is what does not count among others, None where all count."""

    def rule(node: Node, x: Tensor) -> Tensor:
        kernel = node.wholes("kernel_shape") or ()
        dilated = any(d != 1 for d in node.wholes("dilations") or ())
        padded = any(node.wholes("pads") or ())
        if len(kernel) not in (1, 2) or dilated or node.whole("ceil_mode", 0):
            raise unsupported(node, "pools in a way that is not supported", "Without dilation, and without ceil_mode.")
        if lowest is None and padded and not node.whole("count_include_pad", 0):
            raise unsupported(node, "takes means over fewer elements at the edges", "Pool without padding.")
        x = _padded(node, x, len(kernel), lowest or 0.0)
        return (one if len(kernel) == 1 else two)(x, list(kernel), _strides(node, len(kernel)))

    return rule


def _batch_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    if node.whole("training_mode", 0):
        raise unsupported(node, "is in training mode", "Export the model after model.eval().")
    return functional.batch_norm(x, mean, var, scale, bias, eps=node.real("epsilon", 1e-5))


def _layer_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    shape = [int(n) for n in x.shape[node.whole("axis", -1) :]]
    return functional.layer_norm(x, shape, scale, bias, node.real("epsilon", 1e-5))


RULES: dict[str, Rule] = {
    "AveragePool": _pool(functional.avg_pool1d, functional.avg_pool2d, None),
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "Einsum": lambda node, *inputs: torch.einsum(node.text("equation", ""), *inputs),
    "Gemm": _gemm,
    "LayerNormalization": _layer_norm,
    "MatMul": lambda node, a, b: torch.matmul(a, b),
    "MaxPool": _pool(functional.max_pool1d, functional.max_pool2d, -1e38),
}
