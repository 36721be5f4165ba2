"""Torch functions written with others that have a rule: plain torch code that runs on symbolic tensors.

Arguments are named as torch names them. A function that is smooth has one of `compiler.functions` instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as functional

from compiler.graph.ops import Max
from ltc2neuro.tracing.ops import logic, torch_cells
from ltc2neuro.tracing.ops.einsum import EINSUMS
from ltc2neuro.tracing.ops.elementwise import MIXES, apply, elementwise
from ltc2neuro.tracing.ops.linear import features_only
from ltc2neuro.tracing.ops.reductions import REDUCTIONS
from ltc2neuro.tracing.ops.torch_ops import spellings
from ltc2neuro.tracing.recording.symbolic import Symbolic

Tensor = torch.Tensor
_LARGEST_SOFTMAX = 64


def _number(value: Tensor | float, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=like.dtype)


# --- piecewise linear ------------------------------------------------------------------------------------


def _clamp(input: Tensor, min: Tensor | float | None = None, max: Tensor | float | None = None) -> Tensor:
    if min is not None and not _is(min, -math.inf):
        input = torch.maximum(input, _number(min, input))
    return input if max is None or _is(max, math.inf) else torch.minimum(input, _number(max, input))


def _is(limit: Tensor | float, infinite: float) -> bool:
    """Whether a number is no limit at all."""
    return not isinstance(limit, Tensor) and limit == infinite


def _clamp_max(input: Tensor, max: Tensor | float) -> Tensor:
    return _clamp(input, None, max)


def _hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    return _clamp(input, min_val, max_val)


def _relu(input: Tensor) -> Tensor:
    return _clamp(input, 0.0)


def _relu6(input: Tensor) -> Tensor:
    return _clamp(input, 0.0, 6.0)


def _leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    if 0 <= negative_slope <= 1:
        return torch.maximum(input, input * negative_slope)
    return torch.where(input > 0, input, input * negative_slope)


def _rrelu(input: Symbolic, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    _refuse_training(input, training)
    return _leaky_relu(input, (lower + upper) / 2)


def _prelu(input: Tensor, weight: Tensor) -> Tensor:
    if weight.numel() > 1:  # a slope for each channel, axis 1
        weight = weight.reshape(-1, *(1,) * (input.dim() - 2))
    return _clamp(input, 0.0) + weight * _clamp(input, None, 0.0)


def _hardsigmoid(input: Tensor) -> Tensor:
    return _clamp(input * (1 / 6) + 0.5, 0.0, 1.0)


def _hardswish(input: Tensor) -> Tensor:
    return input * _hardsigmoid(input)


def _threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    return torch.where(input > threshold, input, value)


def _hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    return torch.where(abs(input) > lambd, input, 0.0)


def _softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    return _clamp(input - lambd, 0.0) + _clamp(input + lambd, None, 0.0)


def _sign(input: Tensor) -> Tensor:
    return torch.where(input > 0, 1.0, torch.where(input < 0, -1.0, 0.0).to(input.dtype)).to(input.dtype)


def _masked_fill(input: Tensor, mask: Tensor, value: float) -> Tensor:
    return torch.where(mask, value, input)


def _nan_to_num(input: Tensor, nan: float | None = 0.0, posinf: float | None = None, neginf: None = None) -> Tensor:
    if posinf is not None or neginf is not None:
        raise TypeError("argument posinf or neginf: nothing in a network is infinite, clamp what is large")
    return torch.where(torch.eq(input, input), input, nan or 0.0)


# --- smooth ----------------------------------------------------------------------------------------------


def _pow(input: Tensor, exponent: float) -> Tensor:
    if exponent == int(exponent) and 1 <= exponent <= 8:
        half = _pow(input, exponent // 2) if exponent > 1 else input
        return input if exponent == 1 else half * half if exponent % 2 == 0 else half * half * input
    if exponent == 0.5:
        return torch.sqrt(input)
    if exponent < 0:
        return torch.reciprocal(_pow(input, -exponent))
    raise TypeError(f"argument exponent = {exponent}: 1 to 8, 0.5, and their negatives are supported")


def _sqrt(input: Symbolic) -> Tensor:
    """Ranges of integers do not see that a sum of squares is never below 0: it is said."""
    return apply("sqrt", elementwise(Max, (input, 0.0), input.example.clamp(min=0.0)))


def _elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    if alpha == 1 and isinstance(input, Symbolic):
        return apply("elu", input)
    return torch.where(input > 0, input, alpha * (torch.exp(_clamp(input, None, 0.0)) - 1))


def _selu(input: Tensor) -> Tensor:
    return 1.0507009873554804934193349852946 * _elu(input, 1.6732632423543772848170429916717)


def _softplus(input: Symbolic, beta: float = 1, threshold: float = 20) -> Tensor:
    if threshold < 20:
        raise input.recorder.refusal(
            "softplus with a low threshold jumps where it turns into its input",
            "Leave threshold at 20 and train again, or write it with torch.where.",
            f"threshold = {threshold:g}",
        )
    return apply("softplus", input) if beta == 1 else functional.softplus(input * beta) / beta


def _logsigmoid(input: Tensor) -> Tensor:
    return -functional.softplus(-input)


def _gelu(input: Symbolic, approximate: str = "none") -> Tensor:
    return apply("gelu_tanh" if approximate == "tanh" else "gelu", input)


def _mish(input: Tensor) -> Tensor:
    return input * torch.tanh(functional.softplus(input))


def _glu(input: Tensor, dim: int = -1) -> Tensor:
    a, b = input.chunk(2, dim)
    return a * torch.sigmoid(b)


def _softsign(input: Tensor) -> Tensor:
    return input / (1 + abs(input))


def _largest(input: Tensor, dim: int | Sequence[int], keepdim: bool = False) -> Tensor:
    return _folded(torch.maximum, input, dim, keepdim)


def _smallest(input: Tensor, dim: int | Sequence[int], keepdim: bool = False) -> Tensor:
    return _folded(torch.minimum, input, dim, keepdim)


def _pairwise(function: Callable[..., Tensor], a: Symbolic, b: object) -> Tensor:
    """`max` and `min` of two tensors; over axes they give indices, too."""
    if isinstance(b, Tensor):
        return function(a, b)
    raise a.recorder.refusal(f"{a.recorder.operation} over an axis is not supported", f"{MIXES} For features: amax.")


def _folded(function: Callable[..., Tensor], x: Tensor, dim: int | Sequence[int], keepdim: bool) -> Tensor:
    """A tree of maxima or minima over axes of features."""
    if isinstance(x, Symbolic):
        features_only(x, (dim,) if isinstance(dim, int) else dim)
    axes = sorted({d % x.dim() for d in ((dim,) if isinstance(dim, int) else dim)}, reverse=True)
    for axis in axes:
        while (size := x.shape[axis]) > 1:
            half = size // 2
            folded = function(x.narrow(axis, 0, half), x.narrow(axis, half, half))
            x = folded if size % 2 == 0 else torch.cat([folded, x.narrow(axis, size - 1, 1)], axis)
        x = x if keepdim else x.squeeze(axis)
    return x


def _softmax(input: Symbolic, dim: int | None = None, _stacklevel: int = 3, dtype: torch.dtype | None = None) -> Tensor:
    """exp(x - max) / sum(exp(x - max)), the maximum taken off as torch does.

    Ranges do not see that x - max is never above 0, nor that the largest exp is 1: both are said.
    """
    if dim is None or input.shape[dim] > _LARGEST_SOFTMAX:
        raise TypeError(f"argument dim = {dim}: softmax runs over one axis of at most {_LARGEST_SOFTMAX} features")
    raised = torch.exp(_clamp(input - _largest(input, dim, keepdim=True), None, 0.0))
    return raised / _clamp(raised.sum(dim, keepdim=True), 1.0)


def _softmin(input: Symbolic, dim: int | None = None, _stacklevel: int = 3, dtype: torch.dtype | None = None) -> Tensor:
    return functional.softmax(-input, dim)


# --- sums and normalisation ------------------------------------------------------------------------------


def _mean(input: Tensor, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
    axes = range(input.dim()) if dim is None else (dim,) if isinstance(dim, int) else dim
    return input.sum(tuple(axes), keepdim) * (1 / math.prod(input.shape[axis] for axis in axes))


def _batch_norm(
    input: Symbolic,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """In eval mode two constants for each channel (axis 1)."""
    _refuse_training(input, training or running_mean is None or running_var is None)
    if running_mean is None or running_var is None:
        return input
    shape = (-1, *(1,) * (input.dim() - 2))
    scale = torch.rsqrt(running_var + eps)
    scale = scale if weight is None else weight * scale
    offset = -running_mean * scale if bias is None else bias - running_mean * scale
    return input * scale.reshape(shape) + offset.reshape(shape)


def _dropout(input: Symbolic, p: float = 0.5, training: bool = True) -> Tensor:
    _refuse_training(input, training and p > 0)
    return input


def _refuse_training(input: Symbolic, training: bool) -> None:
    if training:
        raise input.recorder.refusal(
            f"{input.recorder.operation} computes as in training, even in eval mode",
            "Call it with training=self.training; a batch norm needs statistics of its own (track_running_stats).",
        )


def _addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    return input + tensor1 * tensor2 * value if value != 1 else input + tensor1 * tensor2


def _addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    return input + tensor1 / tensor2 * value if value != 1 else input + tensor1 / tensor2


def _addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return torch.add(input * beta if beta != 1 else input, mat1 @ mat2, alpha=alpha)


def _pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    if mode != "constant" or any(p < 0 for p in pad):
        raise TypeError(f"argument pad = {tuple(pad)}, mode = {mode}: only constant padding is supported")
    for number, (before, after) in enumerate(zip(pad[::2], pad[1::2], strict=True)):
        axis = input.dim() - 1 - number
        for width, front in ((before, True), (after, False)):
            if width:
                shape = [width if a == axis else n for a, n in enumerate(input.shape)]
                constant = torch.full(shape, value or 0.0, dtype=input.dtype)
                input = torch.cat([constant, input] if front else [input, constant], axis)
    return input


DECOMPOSITIONS: dict[Callable[..., object], Callable[..., object]] = {
    f: rule
    for names, rule in (
        (("neg", "negative", "__neg__"), lambda input: input * -1),  # a whole number stays one
        (("positive", "__pos__"), lambda input: input),
        (("abs", "absolute", "__abs__"), lambda input: torch.maximum(input, -input)),
        (("clamp", "clip"), _clamp),
        (("clamp_min",), _clamp),
        (("clamp_max",), _clamp_max),
        (("relu",), _relu),
        (("relu6",), _relu6),
        (("leaky_relu",), _leaky_relu),
        (("rrelu",), _rrelu),
        (("prelu",), _prelu),
        (("hardtanh",), _hardtanh),
        (("hardsigmoid",), _hardsigmoid),
        (("hardswish",), _hardswish),
        (("threshold",), _threshold),
        (("hardshrink",), _hardshrink),
        (("softshrink",), _softshrink),
        (("sign", "sgn"), _sign),
        (("masked_fill",), _masked_fill),
        (("square",), lambda input: input * input),
        (("pow", "__pow__"), _pow),
        (("sqrt",), _sqrt),
        (("reciprocal",), lambda input: 1.0 / input),  # a quotient's range may span many octaves
        (("rsqrt",), lambda input: torch.reciprocal(torch.sqrt(input))),
        (("expit",), torch.sigmoid),
        (("elu",), _elu),
        (("selu",), _selu),
        (("softplus",), _softplus),
        (("logsigmoid",), _logsigmoid),
        (("gelu",), _gelu),
        (("mish",), _mish),
        (("glu",), _glu),
        (("softsign",), _softsign),
        (("tanhshrink",), lambda input: input - torch.tanh(input)),
        (("softmax",), _softmax),
        (("softmin",), _softmin),
        (("amax",), _largest),
        (("max",), lambda input, other=None, **_: _pairwise(torch.maximum, input, other)),
        (("min",), lambda input, other=None, **_: _pairwise(torch.minimum, input, other)),
        (("amin",), _smallest),
        (("mean",), _mean),
        (("batch_norm",), _batch_norm),
        (("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"), _dropout),
        (("addcmul",), _addcmul),
        (("addcdiv",), _addcdiv),
        (("addmm",), _addmm),
        (("baddbmm",), lambda input, batch1, batch2, **factors: _addmm(input, batch1, batch2, **factors)),
        (("any",), logic.features(_largest)),
        (("all",), logic.features(_smallest)),
        (("isnan",), lambda input: torch.ne(input, input)),
        (("isfinite",), lambda input: torch.eq(input - input, 0)),
        (("nan_to_num",), _nan_to_num),
        (("lerp",), lambda input, end, weight: input + weight * (end - input)),
        (("outer", "ger"), lambda input, vec2: input.unsqueeze(-1) * vec2),
        (("pad",), _pad),
        (("lstm_cell",), torch_cells.lstm_cell),
        (("gru_cell",), torch_cells.gru_cell),
        (("rnn_tanh_cell",), torch_cells.rnn_tanh_cell),
        (("rnn_relu_cell",), torch_cells.rnn_relu_cell),
    )
    for f in spellings(*names)
}
DECOMPOSITIONS.update({**REDUCTIONS, **EINSUMS})
"""The decomposition of each torch function that has one. It goes before an op of the same name."""
