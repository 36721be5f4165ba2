"""Torch functions written with others that have a rule: plain torch code that runs on symbolic tensors.

Arguments are named as torch names them. A function that is smooth has one of `compiler.functions` instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ltc2neuro.tracing.ops import torch_cells
from ltc2neuro.tracing.ops.activations import ACTIVATIONS, refuse_training
from ltc2neuro.tracing.ops.einsum import EINSUMS
from ltc2neuro.tracing.ops.finite import FINITES
from ltc2neuro.tracing.ops.indexed import INDEXED
from ltc2neuro.tracing.ops.norms import NORMS
from ltc2neuro.tracing.ops.over_time import over_time
from ltc2neuro.tracing.ops.powers import POWERS
from ltc2neuro.tracing.ops.reductions import REDUCTIONS
from ltc2neuro.tracing.ops.rounding import ROUNDINGS
from ltc2neuro.tracing.ops.torch_ops import TorchRules, by_spelling
from ltc2neuro.tracing.recording.symbolic import Symbolic

Tensor = torch.Tensor


def _sign(input: Tensor) -> Tensor:
    return torch.where(input > 0, 1.0, torch.where(input < 0, -1.0, 0.0).to(input.dtype)).to(input.dtype)


def _bucketize(input: Tensor, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """How many of the rising `boundaries` are below, or with `right` not above."""
    x = input.unsqueeze(-1)
    return (x >= boundaries if right else x > boundaries).sum(-1)


def _mean(input: Tensor, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Tensor:
    read = over_time("mean", torch.mean, input, dim, keepdim)
    if read is not None:
        return read
    axes = range(input.dim()) if dim is None else (dim,) if isinstance(dim, int) else dim
    return input.sum(tuple(axes), keepdim) * (1 / math.prod(input.shape[axis] for axis in axes))


def _diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    whole = torch.cat([part for part in (prepend, input, append) if part is not None], dim)
    for _ in range(n):
        length = whole.shape[dim]
        whole = whole.narrow(dim, 1, length - 1) - whole.narrow(dim, 0, length - 1)
    return whole


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
    refuse_training(input, training or running_mean is None or running_var is None)
    if running_mean is None or running_var is None:
        return input
    shape = (-1, *(1,) * (input.dim() - 2))
    scale = torch.rsqrt(running_var + eps)
    scale = scale if weight is None else weight * scale
    offset = -running_mean * scale if bias is None else bias - running_mean * scale
    return input * scale.reshape(shape) + offset.reshape(shape)


def _dropout(input: Symbolic, p: float = 0.5, training: bool = True) -> Tensor:
    refuse_training(input, training and p > 0)
    return input


def _addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    return input + tensor1 * tensor2 * value if value != 1 else input + tensor1 * tensor2


def _addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    return input + tensor1 / tensor2 * value if value != 1 else input + tensor1 / tensor2


def _addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return torch.add(input * beta if beta != 1 else input, mat1 @ mat2, alpha=alpha)


def _pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    if mode not in ("constant", "replicate", "reflect"):
        raise TypeError(f"argument mode = {mode}: only constant, replicate and reflect are supported")
    for number, (before, after) in enumerate(zip(pad[::2], pad[1::2], strict=True)):
        axis = input.dim() - 1 - number
        if before < 0 or after < 0:  # it is cut
            input = input.narrow(axis, max(0, -before), input.shape[axis] + min(0, before) + min(0, after))
        size = input.shape[axis]
        parts = [_edge(input, axis, width, mode, value or 0.0, at) for width, at in ((before, 0), (after, size - 1))]
        if any(part is not None for part in parts):
            input = torch.cat([part for part in (parts[0], input, parts[1]) if part is not None], axis)
    return input


def _edge(input: Tensor, axis: int, width: int, mode: str, value: float, at: int) -> Tensor | None:
    """What is put beside the end of an axis that is `at` a place."""
    if width <= 0:
        return None
    if mode == "reflect":
        return input.narrow(axis, 1 if at == 0 else at - width, width).flip(axis)
    if mode == "replicate":
        return torch.cat([input.narrow(axis, at, 1)] * width, axis)
    return torch.full([width if a == axis else n for a, n in enumerate(input.shape)], value, dtype=input.dtype)


DECOMPOSITIONS: TorchRules = by_spelling(
    (("neg", "negative", "__neg__"), lambda input: input * -1),  # a whole number stays one
    (("positive", "__pos__", "real", "conj", "conj_physical", "resolve_conj"), lambda input: input),
    (("abs", "absolute", "__abs__"), lambda input: torch.maximum(input, -input)),
    (("sign", "sgn"), _sign),
    (("heaviside",), lambda input, values: torch.where(input == 0, values, (input > 0).to(input.dtype))),
    (("signbit",), lambda input: input < 0),  # the chip has no -0
    (("copysign",), lambda input, other: torch.where(other < 0, -abs(input), abs(input))),
    (("bucketize",), _bucketize),
    (("masked_fill",), lambda input, mask, value: torch.where(mask, value, input)),
    (("diff",), _diff),
    (("mean",), _mean),
    (("batch_norm",), _batch_norm),
    (("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"), _dropout),
    (("addcmul",), _addcmul),
    (("addcdiv",), _addcdiv),
    (("addmm",), _addmm),
    (("baddbmm",), lambda input, batch1, batch2, **factors: _addmm(input, batch1, batch2, **factors)),
    (("lerp",), lambda input, end, weight: input + weight * (end - input)),
    (("outer", "ger"), lambda input, vec2: input.unsqueeze(-1) * vec2),
    (("pad",), _pad),
    (("lstm_cell",), torch_cells.lstm_cell),
    (("gru_cell",), torch_cells.gru_cell),
    (("rnn_tanh_cell",), torch_cells.rnn_tanh_cell),
    (("rnn_relu_cell",), torch_cells.rnn_relu_cell),
)
DECOMPOSITIONS.update({**ACTIVATIONS, **REDUCTIONS, **FINITES, **NORMS, **POWERS, **ROUNDINGS, **EINSUMS, **INDEXED})
"""The decomposition of each torch function that has one. It goes before an op of the same name."""
