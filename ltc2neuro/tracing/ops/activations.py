"""Activations, written with functions that have a rule, or with one of `compiler.functions`.

Arguments are named as torch names them.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional

from ltc2neuro.tracing.ops.elementwise import apply
from ltc2neuro.tracing.ops.reductions import largest
from ltc2neuro.tracing.ops.torch_ops import TorchRules, by_spelling
from ltc2neuro.tracing.recording.symbolic import Symbolic

Tensor = torch.Tensor
_LARGEST_SOFTMAX = 512


def _number(value: Tensor | float, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=like.dtype)


def _clamp(input: Tensor, min: Tensor | float | None = None, max: Tensor | float | None = None) -> Tensor:
    if min is not None and not _is(min, -math.inf):
        input = torch.maximum(input, _number(min, input))
    return input if max is None or _is(max, math.inf) else torch.minimum(input, _number(max, input))


def _is(limit: Tensor | float, infinite: float) -> bool:
    """Whether a number is no limit at all."""
    return not isinstance(limit, Tensor) and limit == infinite


def _leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    if 0 <= negative_slope <= 1:
        return torch.maximum(input, input * negative_slope)
    return torch.where(input > 0, input, input * negative_slope)


def _rrelu(input: Symbolic, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    refuse_training(input, training)
    return _leaky_relu(input, (lower + upper) / 2)


def refuse_training(input: Symbolic, training: bool) -> None:
    """Refuse a function that does something else in training."""
    if training:
        raise input.recorder.refusal(
            f"{input.recorder.operation} computes as in training, even in eval mode",
            "Call it with training=self.training; a batch norm needs statistics of its own (track_running_stats).",
        )


def _prelu(input: Tensor, weight: Tensor) -> Tensor:
    if weight.numel() > 1:  # a slope for each channel, axis 1
        weight = weight.reshape(-1, *(1,) * (input.dim() - 2))
    return _clamp(input, 0.0) + weight * _clamp(input, None, 0.0)


def _hardsigmoid(input: Tensor) -> Tensor:
    return _clamp(input * (1 / 6) + 0.5, 0.0, 1.0)


def _elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    if alpha == 1 and isinstance(input, Symbolic):
        return apply("elu", input)
    return torch.where(input > 0, input, alpha * (torch.exp(_clamp(input, None, 0.0)) - 1))


def _celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    return functional.elu(input / alpha) * alpha if alpha != 1 else functional.elu(input)


def _softplus(input: Symbolic, beta: float = 1, threshold: float = 20) -> Tensor:
    if threshold < 20:
        raise input.recorder.refusal(
            "softplus with a low threshold jumps where it turns into its input",
            "Leave threshold at 20 and train again, or write it with torch.where.",
            f"threshold = {threshold:g}",
        )
    return apply("softplus", input) if beta == 1 else functional.softplus(input * beta) / beta


def _glu(input: Tensor, dim: int = -1) -> Tensor:
    a, b = input.chunk(2, dim)
    return a * torch.sigmoid(b)


def _softmax(input: Symbolic, dim: int | None = None, _stacklevel: int = 3, dtype: torch.dtype | None = None) -> Tensor:
    """exp(x - max) / sum(exp(x - max)), the maximum taken off as torch does.

    Ranges do not see that x - max is never above 0, nor that the largest exp is 1: both are said.
    """
    if dim is None or input.shape[dim] > _LARGEST_SOFTMAX:
        raise TypeError(f"argument dim = {dim}: softmax runs over one axis of at most {_LARGEST_SOFTMAX} features")
    raised = torch.exp(_clamp(input - largest(input, dim, keepdim=True), None, 0.0))
    return raised / _clamp(raised.sum(dim, keepdim=True), 1.0)


ACTIVATIONS: TorchRules = by_spelling(
    (("clamp", "clip"), _clamp),
    (("clamp_min",), _clamp),
    (("clamp_max",), lambda input, max: _clamp(input, None, max)),
    (("relu",), lambda input: _clamp(input, 0.0)),
    (("relu6",), lambda input: _clamp(input, 0.0, 6.0)),
    (("leaky_relu",), _leaky_relu),
    (("rrelu",), _rrelu),
    (("prelu",), _prelu),
    (("hardtanh",), lambda input, min_val=-1.0, max_val=1.0: _clamp(input, min_val, max_val)),
    (("hardsigmoid",), _hardsigmoid),
    (("hardswish",), lambda input: input * _hardsigmoid(input)),
    (("threshold",), lambda input, threshold, value: torch.where(input > threshold, input, value)),
    (("hardshrink",), lambda input, lambd=0.5: torch.where(abs(input) > lambd, input, 0.0)),
    (("softshrink",), lambda input, lambd=0.5: _clamp(input - lambd, 0.0) + _clamp(input + lambd, None, 0.0)),
    (("expit",), torch.sigmoid),
    (("elu",), _elu),
    (("selu",), lambda input: 1.0507009873554804934193349852946 * _elu(input, 1.6732632423543772848170429916717)),
    (("celu",), _celu),
    (("softplus",), _softplus),
    (("logsigmoid",), lambda input: -functional.softplus(-input)),
    (("gelu",), lambda input, approximate="none": apply("gelu_tanh" if approximate == "tanh" else "gelu", input)),
    (("mish",), lambda input: input * torch.tanh(functional.softplus(input))),
    (("glu",), _glu),
    (("softsign",), lambda input: input / (1 + abs(input))),
    (("tanhshrink",), lambda input: input - torch.tanh(input)),
    (("softmax",), _softmax),
    (("softmin",), lambda input, dim=None, _stacklevel=3, dtype=None: functional.softmax(-input, dim)),
)
"""The decomposition of each."""
