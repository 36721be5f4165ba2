"""Torch functions that join the features of one row and step: running sums, products, extremes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as functional

from ltc2neuro.tracing.ops.added_up import whole_window
from ltc2neuro.tracing.ops.linear import features_only
from ltc2neuro.tracing.ops.over_time import over_time
from ltc2neuro.tracing.ops.torch_ops import TorchRules, by_spelling
from ltc2neuro.tracing.recording.symbolic import Symbolic, refused

Tensor = torch.Tensor
Axes: TypeAlias = "int | tuple[int, ...] | None"
CHOSEN = (
    "Nothing on the chip sorts or chooses places. In the middle of a model use amax and amin, or a weighing as softmax "
    "is; at its end return the values of all features, and choose after the network: numpy.argmax(net(x), axis=-1)."
)


def _cumsum(input: Symbolic, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
    """A running sum over features is a map of them."""
    if dtype is not None and dtype != input.dtype:
        return torch.cumsum(input.to(dtype), dim)
    features_only(input, (dim,))
    size = input.shape[dim]
    ones = torch.tril(torch.ones(size, size, dtype=torch.float64)).to(input.dtype)
    return functional.linear(input.movedim(dim, -1), ones).movedim(-1, dim)


def _running(pairwise: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`cumprod` and `logcumsumexp`."""

    def rule(input: Symbolic, dim: int, *, dtype: torch.dtype | None = None) -> Tensor:
        features_only(input, (dim,))
        parts = list((input if dtype is None else input.to(dtype)).unbind(dim))
        for number in range(1, len(parts)):
            parts[number] = pairwise(parts[number - 1], parts[number])
        return torch.stack(parts, dim)

    return rule


def _cumulative(pairwise: Callable[..., Tensor]) -> Callable[..., object]:
    """`cummax` and `cummin`."""
    running = _running(pairwise)
    return lambda input, dim: _extremal(input, running(input, dim))


class _MinMax(NamedTuple):
    """What `torch.aminmax` returns."""

    min: Tensor
    max: Tensor


def _prod(input: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    read = over_time("prod", torch.prod, input, dim, keepdim)
    if read is not None:
        return read
    parts = list(input.unbind(dim))
    while len(parts) > 1:
        pairs = [a * b for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = pairs + parts[len(pairs) * 2 :]
    return parts[0].unsqueeze(dim) if keepdim else parts[0]


def largest(input: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """`torch.amax`."""
    read = over_time("max", torch.amax, input, dim, keepdim)
    return _folded(torch.maximum, whole_window(input, dim), dim, keepdim) if read is None else read


def smallest(input: Tensor, dim: Axes = None, keepdim: bool = False) -> Tensor:
    """`torch.amin`."""
    read = over_time("min", torch.amin, input, dim, keepdim)
    return _folded(torch.minimum, whole_window(input, dim), dim, keepdim) if read is None else read


class Extremal(NamedTuple):
    """What `max` and `min` over an axis return: no program of the chip tells where a largest value is."""

    values: Tensor
    indices: Tensor


def _extremal(input: Symbolic, values: Tensor) -> Extremal:
    recorder = input.recorder
    why = recorder.refusal(f"the indices of {recorder.operation} are not supported", CHOSEN)
    return Extremal(values, refused(recorder, why))


def _extreme(pairwise: Callable[..., Tensor], reduced: Callable[..., Tensor]) -> Callable[..., object]:
    """`max` and `min`: of two tensors, over an axis, or over all."""

    def rule(
        input: Symbolic, other: Tensor | int | None = None, keepdim: bool = False, *, dim: int | None = None
    ) -> object:
        if isinstance(other, Tensor):
            return pairwise(input, other)
        axis = dim if other is None else other
        return reduced(input) if axis is None else _extremal(input, reduced(input, axis, keepdim))

    return rule


def _folded(function: Callable[..., Tensor], x: Tensor, dim: Axes, keepdim: bool) -> Tensor:
    """A tree of maxima or minima over axes of features."""
    over = range(x.dim()) if dim is None else (dim,) if isinstance(dim, int) else dim
    if isinstance(x, Symbolic):
        features_only(x, over)
    axes = sorted({d % x.dim() for d in over}, reverse=True)
    for axis in axes:
        while (size := x.shape[axis]) > 1:
            half = size // 2
            folded = function(x.narrow(axis, 0, half), x.narrow(axis, half, half))
            x = folded if size % 2 == 0 else torch.cat([folded, x.narrow(axis, size - 1, 1)], axis)
        x = x if keepdim else x.squeeze(axis)
    return x


def _adaptive_max_pool(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False) -> Tensor:
    """The largest of so many parts of the last axis, which overlap where they do not fit."""
    if return_indices:
        raise TypeError("argument return_indices = True: nothing on the chip tells where a largest value is")
    count, size = output_size if isinstance(output_size, int) else output_size[0], input.shape[-1]
    if count == 1:
        return largest(input, -1, keepdim=True)
    ends = [(part * size // count, -(-(part + 1) * size // count)) for part in range(count)]
    return torch.cat([largest(input.narrow(-1, low, high - low), -1, keepdim=True) for low, high in ends], -1)


REDUCTIONS: TorchRules = by_spelling(
    (("cumsum",), _cumsum),
    (("prod",), _prod),
    (("cumprod",), _running(torch.mul)),
    (("logcumsumexp",), _running(torch.logaddexp)),
    (("cummax",), _cumulative(torch.maximum)),
    (("cummin",), _cumulative(torch.minimum)),
    (
        ("aminmax",),
        lambda input, *, dim, keepdim=False: _MinMax(smallest(input, dim, keepdim), largest(input, dim, keepdim)),
    ),
    (("count_nonzero",), lambda input, dim: (input != 0).sum(dim)),
    (("amax",), largest),
    (("adaptive_max_pool1d", "_adaptive_max_pool1d"), _adaptive_max_pool),
    (("max",), _extreme(torch.maximum, largest)),
    (("min",), _extreme(torch.minimum, smallest)),
    (("amin",), smallest),
)
"""The decomposition of each."""
