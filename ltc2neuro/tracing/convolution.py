"""Convolutions and pooling over the features of one sample: maps of a sample that do not mix rows or steps.

A convolution is a matrix with a row for each output, found by sending unit vectors through torch's own function. The
matrix is dense, so it must be small; the chip has a synapse for each weight that is not 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as functional

from ltc2neuro.tracing.linear import features_only, linear
from ltc2neuro.tracing.symbolic import Symbolic
from ltc2neuro.tracing.torch_ops import spellings

Tensor = torch.Tensor
Rule = Callable[..., Tensor]

LARGEST_MATRIX = 10_000_000
"""elements of a convolution's matrix"""


def _convolution(function: Rule, axes: int) -> Rule:
    """The rule of a convolution over `axes` axes: its input is (rows, channels, *axes)."""

    def rule(input: Symbolic, weight: Tensor, bias: Tensor | None = None, *args: object, **kwargs: object) -> Tensor:
        if isinstance(weight, Symbolic) or input.dim() != axes + 2:
            raise TypeError(f"argument input or weight: (rows, channels, {axes} axes) and constant weights are known")
        exact = weight.detach().double()
        y = _by_basis(input, lambda units: function(units, exact, None, *args, **kwargs), weight)
        return y if bias is None else y + bias.reshape(-1, *(1,) * axes)

    return rule


def _average(function: Rule, axes: int) -> Rule:
    """The rule of a mean over windows: a map, too."""

    def rule(input: Symbolic, *args: object, **kwargs: object) -> Tensor:
        if input.dim() != axes + 2:
            raise TypeError(f"argument input: (rows, channels, {axes} axes) is known")
        return _by_basis(input, lambda units: function(units, *args, **kwargs), None)

    return rule


def _by_basis(x: Symbolic, function: Callable[[Tensor], Tensor], named_after: Tensor | None) -> Tensor:
    """A function of (rows, ...) that is linear in each row, as one matrix."""
    recorder = x.recorder
    features_only(x, range(1, x.dim()))
    sample = x.shape[1:]
    inputs = math.prod(sample)
    shape = function(torch.zeros(1, *sample, dtype=torch.float64)).shape[1:]
    if inputs * math.prod(shape) > LARGEST_MATRIX:
        raise recorder.refusal(
            f"{recorder.operation} is too large",
            "Give it a smaller picture or fewer channels, or compute it before the network.",
            f"{inputs} inputs times {math.prod(shape)} outputs, {LARGEST_MATRIX} at most",
        )
    units = torch.eye(inputs, dtype=torch.float64).reshape(inputs, *sample)
    matrix = function(units).reshape(inputs, -1).T
    if named_after is not None:
        name = recorder.names.get(named_after)
        recorder.names.give(matrix, name or "weight")
    return linear(x.flatten(1), matrix).unflatten(1, tuple(shape))


def _maximum(function: Rule, axes: int) -> Rule:
    """The rule of a maximum over windows; what the padding would add is in no window the largest."""

    def rule(
        input: Symbolic,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Tensor:
        if return_indices or input.dim() != axes + 2 or any(d != 1 for d in _each(dilation, axes)):
            raise TypeError("argument dilation or return_indices: plain windows over (rows, channels, ...) are known")
        features_only(input, range(1, input.dim()))
        result = function(input.example, kernel_size, stride, padding, dilation, ceil_mode)
        kernel = _each(kernel_size, axes)
        y: Tensor = input
        for number, (width, step, before) in enumerate(
            zip(kernel, _each(stride or kernel, axes), _each(padding, axes), strict=True)
        ):
            axis = number + 2
            starts = torch.arange(result.shape[axis]) * step - before
            last = y.shape[axis] - 1
            parts = [y.index_select(axis, (starts + offset).clamp(0, last)) for offset in range(width)]
            y = parts[0]
            for part in parts[1:]:
                y = torch.maximum(y, part)
        return y

    return rule


def _each(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value) * (axes // len(tuple(value)))


CONVOLUTIONS: dict[Callable[..., object], Rule] = {
    **{f: _convolution(functional.conv1d, 1) for f in spellings("conv1d")},
    **{f: _convolution(functional.conv2d, 2) for f in spellings("conv2d")},
    **{f: _average(functional.avg_pool1d, 1) for f in spellings("avg_pool1d")},
    **{f: _average(functional.avg_pool2d, 2) for f in spellings("avg_pool2d")},
    **{f: _average(functional.adaptive_avg_pool1d, 1) for f in spellings("adaptive_avg_pool1d")},
    **{f: _average(functional.adaptive_avg_pool2d, 2) for f in spellings("adaptive_avg_pool2d")},
    **{f: _maximum(functional.max_pool1d, 1) for f in spellings("max_pool1d", "_max_pool1d")},
    **{f: _maximum(functional.max_pool2d, 2) for f in spellings("max_pool2d", "_max_pool2d")},
}
"""The rule of each convolution and pooling"""
