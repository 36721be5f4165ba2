"""Norms of features: lengths, spreads, and layers that divide by them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as functional

from ltc2neuro.tracing.ops.over_time import of_time, steps_so_far
from ltc2neuro.tracing.ops.reductions import Axes
from ltc2neuro.tracing.ops.torch_ops import TorchRules, by_spelling
from ltc2neuro.tracing.recording.symbolic import Symbolic

Tensor = torch.Tensor
_SPREAD = (
    "Means over time are the host's, at the end of a model: return y.mean(1) and y.square().mean(1) in a tuple, of "
    "which the spread is made after the network; or keep averages that forget, m = m + 0.1 * (y - m)."
)


def _norm(
    input: Tensor, p: float | str | None = 2, dim: Axes = None, keepdim: bool = False, dtype: torch.dtype | None = None
) -> Tensor:
    input = input if dtype is None else input.to(dtype)
    if p not in (1, 2, "fro", None, math.inf):
        raise TypeError(f"argument p = {p}: the norms 1, 2 and inf are supported")
    axes = tuple(range(input.dim())) if dim is None else dim
    if p == 1:
        return abs(input).sum(axes, keepdim)
    if p == math.inf:
        return abs(input).amax(axes, keepdim)
    return torch.sqrt(torch.square(input).sum(axes, keepdim))


def _vector_norm(
    x: Tensor, ord: float = 2, dim: Axes = None, keepdim: bool = False, *, dtype: torch.dtype | None = None
) -> Tensor:
    return _norm(x, ord, dim, keepdim, dtype)


def _var(
    input: Tensor, dim: Axes = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    axes = tuple(range(input.dim())) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    less = float(unbiased) if correction is None else correction
    if isinstance(input, Symbolic) and any(of_time(input, axis % input.dim()) for axis in axes):
        return _var_over_time(input, axes, keepdim, less)
    count = math.prod(input.shape[axis] for axis in axes)
    centred = input - input.mean(axes, keepdim=True)
    return torch.square(centred).sum(axes, keepdim) * (1 / (count - less))


def _var_over_time(input: Symbolic, axes: tuple[int, ...], keepdim: bool, less: float) -> Tensor:
    """Of sums that go on from step to step; what is `less` than the number of steps changes with it."""
    if len(axes) != 1:
        raise input.recorder.refusal("the model computes the spread over steps and features at once", _SPREAD)
    (axis,) = axes
    means, squares = input.mean(axis, keepdim=True), torch.square(input).mean(axis, keepdim=True)
    spread = (squares - torch.square(means)).clamp(min=0.0)
    if less:
        steps = steps_so_far(input, axis % input.dim()).unsqueeze(axis)
        spread = spread * steps / (steps - less).clamp(min=0.5)  # of one sample torch's is no number
    return spread if keepdim else spread.squeeze(axis)


def _std(
    input: Tensor, dim: Axes = None, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
) -> Tensor:
    return torch.sqrt(_var(input, dim, unbiased, keepdim, correction=correction))


def _with_mean(spread: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    def rule(
        input: Tensor, dim: Axes, unbiased: bool = True, keepdim: bool = False, *, correction: float | None = None
    ) -> tuple[Tensor, Tensor]:
        return spread(input, dim, unbiased, keepdim, correction=correction), input.mean(dim, keepdim)

    return rule


def _normed(input: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    centred = input - input.mean(axes, keepdim=True)
    return centred * torch.rsqrt(torch.square(centred).mean(axes, keepdim=True) + eps)


def _affine(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    return _affine(_normed(input, tuple(range(-len(normalized_shape), 0)), eps), weight, bias)


def _group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Over the channels of a group, axis 1, and all axes behind."""
    groups = input.unflatten(1, (num_groups, -1))
    y = _normed(groups, tuple(range(2, groups.dim())), eps).flatten(1, 2)
    shape = (-1, *(1,) * (input.dim() - 2))
    return _affine(y, *(None if p is None else p.reshape(shape) for p in (weight, bias)))


def _instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """A group norm of one channel each, or a batch norm."""
    if use_input_stats:
        return functional.group_norm(input, input.shape[1], weight, bias, eps)
    return functional.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)


def _rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    axes = tuple(range(-len(normalized_shape), 0))
    eps = torch.finfo(input.dtype).eps if eps is None else eps
    return _affine(input * torch.rsqrt(torch.square(input).mean(axes, keepdim=True) + eps), weight, None)


def _normalize(input: Tensor, p: float = 2.0, dim: Axes = 1, eps: float = 1e-12) -> Tensor:
    return input / _norm(input, p, dim, keepdim=True).clamp(min=eps)


def _cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    return (_normalize(x1, 2, dim, eps) * _normalize(x2, 2, dim, eps)).sum(dim)


def _linalg_norm(
    A: Tensor,  # noqa: N803  # torch's name
    ord: float | str | None = None,
    dim: Axes = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> Tensor:
    if isinstance(dim, (tuple, list)) and len(dim) > 1 and ord not in (None, "fro"):
        raise TypeError(f"argument ord = {ord}: of matrices the norm 'fro' is supported")
    return _norm(A, ord, dim, keepdim, dtype)


NORMS: TorchRules = by_spelling(
    (("norm",), _norm),
    (("var",), _var),
    (("std",), _std),
    (("var_mean",), _with_mean(_var)),
    (("std_mean",), _with_mean(_std)),
    (("layer_norm",), _layer_norm),
    (("group_norm",), _group_norm),
    (("instance_norm",), _instance_norm),
    (("rms_norm",), _rms_norm),
    (("normalize",), _normalize),
    (("cosine_similarity",), _cosine_similarity),
    (("pairwise_distance",), lambda x1, x2, p=2.0, eps=1e-6, keepdim=False: _norm(x1 - x2 + eps, p, -1, keepdim)),
)
NORMS[torch.linalg.vector_norm] = _vector_norm
NORMS[torch.linalg.norm] = _linalg_norm
"""The decomposition of each."""
