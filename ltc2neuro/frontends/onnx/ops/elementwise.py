"""Operators that work on each element alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

from ltc2neuro.frontends.onnx.ops.graph import Node
from ltc2neuro.frontends.onnx.ops.rule import Rule, unsupported

_FLOAT, _FLOAT16, _BOOL, _DOUBLE, _BFLOAT16 = 1, 10, 9, 11, 16
"""Numbers of types in ONNX; all others are whole"""
_ENDLESS = 1e38
"""Exporters write a limit that is none as the largest float"""


def _plain(function: Callable[..., Tensor]) -> Rule:
    return lambda node, *inputs: function(*inputs)


def _folded(function: Callable[[Tensor, Tensor], Tensor]) -> Rule:
    return lambda node, *inputs: reduce(function, inputs)


def _div(node: Node, a: Tensor, b: Tensor) -> Tensor:
    whole = not (a.is_floating_point() or b.is_floating_point())
    return torch.div(a, b, rounding_mode="trunc") if whole else a / b


def _clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    least, most = (None if end is None or abs(end.item()) > _ENDLESS else end.item() for end in (low, high))
    return x if least is None and most is None else torch.clamp(x, least, most)


def _cast(node: Node, x: Tensor) -> Tensor:
    to = node.whole("to", _FLOAT)
    if to in (_FLOAT16, _BFLOAT16):
        raise unsupported(node, "casts to half precision", "Export the model in float32: model.float().")
    if to in (_FLOAT, _DOUBLE):
        return x if x.is_floating_point() else x.to(torch.get_default_dtype())
    return x.bool() if to == _BOOL else x.long()


def _selu(node: Node, x: Tensor) -> Tensor:
    if "alpha" not in node.attributes and "gamma" not in node.attributes:
        return functional.selu(x)
    return functional.elu(x, node.real("alpha", 1.6732632)) * node.real("gamma", 1.050701)


def _swish(node: Node, x: Tensor) -> Tensor:
    alpha = node.real("alpha", 1.0)
    return functional.silu(x) if alpha == 1.0 else x * torch.sigmoid(x * alpha)


def _dropout(node: Node, x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None) -> Tensor:
    if training is not None and bool(training.item()):
        raise unsupported(node, "draws random numbers", "Export the model after model.eval().")
    return x


RULES: dict[str, Rule] = {
    "Abs": _plain(torch.abs),
    "Acos": _plain(torch.acos),
    "Acosh": _plain(torch.acosh),
    "Add": _plain(torch.add),
    "And": _plain(torch.logical_and),
    "Asin": _plain(torch.asin),
    "Asinh": _plain(torch.asinh),
    "Atan": _plain(torch.atan),
    "Atanh": _plain(torch.atanh),
    "Cast": _cast,
    "CastLike": lambda node, x, like: x if x.is_floating_point() and like.is_floating_point() else x.to(like.dtype),
    "Ceil": _plain(torch.ceil),
    "Celu": lambda node, x: functional.celu(x, node.real("alpha", 1.0)),
    "Clip": _clip,
    "Cos": _plain(torch.cos),
    "Cosh": _plain(torch.cosh),
    "Div": _div,
    "Dropout": _dropout,
    "Elu": lambda node, x: functional.elu(x, node.real("alpha", 1.0)),
    "Equal": _plain(torch.eq),
    "Erf": _plain(torch.erf),
    "Exp": _plain(torch.exp),
    "Floor": _plain(torch.floor),
    "Gelu": lambda node, x: functional.gelu(x, approximate=node.text("approximate", "none")),
    "Greater": _plain(torch.gt),
    "GreaterOrEqual": _plain(torch.ge),
    "HardSigmoid": lambda node, x: torch.clamp(x * node.real("alpha", 0.2) + node.real("beta", 0.5), 0.0, 1.0),
    "HardSwish": _plain(functional.hardswish),
    "Identity": lambda node, x: x,
    "IsNaN": _plain(torch.isnan),
    "LeakyRelu": lambda node, x: functional.leaky_relu(x, node.real("alpha", 0.01)),
    "Less": _plain(torch.lt),
    "LessOrEqual": _plain(torch.le),
    "Log": _plain(torch.log),
    "Max": _folded(torch.maximum),
    "Mean": lambda node, *inputs: reduce(torch.add, inputs) / len(inputs),
    "Min": _folded(torch.minimum),
    "Mish": _plain(functional.mish),
    "Mod": lambda node, a, b: torch.fmod(a, b) if node.whole("fmod", 0) else torch.remainder(a, b),
    "Mul": _plain(torch.mul),
    "Neg": _plain(torch.neg),
    "Not": _plain(torch.logical_not),
    "Or": _plain(torch.logical_or),
    "PRelu": lambda node, x, slope: torch.where(x < 0, x * slope, x),
    "Pow": _plain(torch.pow),
    "Reciprocal": _plain(torch.reciprocal),
    "Relu": _plain(torch.relu),
    "Round": _plain(torch.round),
    "Selu": _selu,
    "Sigmoid": _plain(torch.sigmoid),
    "Sign": _plain(torch.sign),
    "Sin": _plain(torch.sin),
    "Sinh": _plain(torch.sinh),
    "Softplus": _plain(functional.softplus),
    "Softsign": _plain(functional.softsign),
    "Sqrt": _plain(torch.sqrt),
    "Sub": lambda node, a, b: torch.zeros_like(a) if a is b else a - b,
    "Sum": _folded(torch.add),
    "Swish": _swish,
    "Tan": _plain(torch.tan),
    "Tanh": _plain(torch.tanh),
    "Where": _plain(torch.where),
    "Xor": _plain(torch.logical_xor),
}
