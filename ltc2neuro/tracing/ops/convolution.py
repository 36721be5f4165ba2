"""Convolutions and pooling over the features of one sample: maps of a sample that do not mix rows or steps.

A small convolution is a dense matrix with a row for each output, found by sending unit vectors through torch's own
function: it may join other maps. A large one is its kernel at many places, and which element the kernel meets at each
is found by sending the elements' numbers through torch's own function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as functional

from hw_models.arrays import Floats, Integers
from ltc2neuro.tracing.ops.linear import at_places, features_only, linear
from ltc2neuro.tracing.ops.over_time import over_time
from ltc2neuro.tracing.ops.torch_ops import spellings
from ltc2neuro.tracing.recording.extents import all_steps
from ltc2neuro.tracing.recording.symbolic import Symbolic

Tensor = torch.Tensor
ConvolutionRule = Callable[..., Tensor]
Option: TypeAlias = "int | str | Sequence[int]"

DENSE_MATRIX = 100_000
"""elements of a convolution's matrix up to which it is written out"""
MOST_SYNAPSES = 100_000_000
"""of one convolution"""
BASIS = 4_000_000
"""elements of the unit vectors that are sent through a function at a time; they grow with the square of its inputs"""


def _convolution(function: ConvolutionRule, axes: int) -> ConvolutionRule:
    """The rule of a convolution over `axes` axes: its input is (rows, channels, *axes)."""

    def rule(
        input: Symbolic,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Option = 1,
        padding: Option = 0,
        dilation: Option = 1,
        groups: int = 1,
    ) -> Tensor:
        if isinstance(weight, Symbolic) or input.dim() != axes + 2:
            raise TypeError(f"argument input or weight: (rows, channels, {axes} axes) and constant weights expected")
        exact = weight.detach().double()
        name = input.recorder.names.get(weight)

        def convolve(x: Tensor, kernels: Tensor, groups: int = 1) -> Tensor:
            return function(x, kernels, None, stride, padding, dilation, groups)

        def part(x: Tensor, kernels: Tensor, number: int) -> Tensor:
            assert isinstance(x, Symbolic)
            if name is not None:
                x.recorder.names.give(kernels, name if groups == 1 else f"{name}.{number}")
            return _kernel_at_places(x, kernels, convolve)

        shape = _result(input, lambda x: convolve(x, exact, groups))
        if math.prod(input.shape[1:]) * math.prod(shape) <= DENSE_MATRIX:
            y = _by_basis(input, lambda units: convolve(units, exact, groups), name)
        else:
            parts = zip(input.chunk(groups, 1), exact.chunk(groups), strict=True)
            y = torch.cat([part(x, kernels, number) for number, (x, kernels) in enumerate(parts)], 1)
        return y if bias is None else y + bias.reshape(-1, *(1,) * axes)

    return rule


def _average(function: ConvolutionRule, axes: int) -> ConvolutionRule:
    """The rule of a mean over windows: a map, too."""

    def rule(input: Symbolic, *args: object, **kwargs: object) -> Tensor:
        if input.dim() != axes + 2:
            raise TypeError(f"argument input: (rows, channels, {axes} axes) is supported")
        given = args or tuple(kwargs.values())
        to_one = function is functional.adaptive_avg_pool1d and given in ((1,), ((1,),))
        if to_one or (function is functional.avg_pool1d and len(given) == 1 and all_steps(given[0])):
            read = over_time("mean", torch.mean, input, -1, keepdim=True)
            if read is not None:
                return read

        def pool(x: Tensor) -> Tensor:
            return function(x, *args, **kwargs)

        if math.prod(input.shape[1:]) * math.prod(_result(input, pool)) <= DENSE_MATRIX:
            return _by_basis(input, pool, None)
        return _mean_at_places(input, pool)

    return rule


def _result(x: Symbolic, function: Callable[[Tensor], Tensor]) -> torch.Size:
    """The shape that a function gives one sample."""
    features_only(x, range(1, x.dim()))
    return function(torch.zeros(1, *x.shape[1:], dtype=torch.float64)).shape[1:]


def _by_basis(x: Symbolic, function: Callable[[Tensor], Tensor], name: str | None) -> Tensor:
    """A function of (rows, ...) that is linear in each row, as one matrix."""
    sample, shape = x.shape[1:], _result(x, function)
    size = math.prod(sample)
    if size * size <= BASIS:
        units = torch.eye(size, dtype=torch.float64).reshape(-1, *sample)
        matrix = function(units).reshape(size, -1).T
    else:
        matrix = _by_outputs(function, sample)
    if name is not None:
        x.recorder.names.give(matrix, name)
    return linear(x.flatten(1), matrix).unflatten(1, tuple(shape))


def _by_outputs(function: Callable[[Tensor], Tensor], sample: Sequence[int]) -> Tensor:
    """The matrix of a linear function of many elements and few outputs: the gradient of each output is its row."""
    with torch.enable_grad():
        x = torch.zeros(1, *sample, dtype=torch.float64, requires_grad=True)
        outputs = function(x).reshape(-1)
        rows = [torch.autograd.grad(y, x, retain_graph=True)[0].reshape(-1) for y in outputs]
    return torch.stack(rows).detach()


def _kernel_at_places(x: Symbolic, kernels: Tensor, convolve: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A convolution of all channels as its kernels, one row each, at every place of the sample."""
    size, entries = math.prod(x.shape[1:]), math.prod(kernels.shape[1:])
    shape = _result(x, lambda x: convolve(x, kernels))
    synapses = math.prod(shape) * entries
    if synapses > MOST_SYNAPSES:
        raise x.recorder.refusal(
            f"{x.recorder.operation} is too large",
            "Give it a smaller picture or fewer channels, or compute it before the network.",
            f"{math.prod(shape)} outputs of {entries} inputs each: {synapses} synapses, {MOST_SYNAPSES} at most",
        )
    # A kernel that is 1 at one entry returns what that entry meets: the number of an element, or 0 beyond the edge.
    numbers = torch.arange(1, size + 1, dtype=torch.float64).reshape(1, *x.shape[1:])
    single = torch.eye(entries, dtype=torch.float64).reshape(entries, *kernels.shape[1:])
    met = convolve(numbers, single).reshape(entries, -1).T.numpy().astype(np.int64)
    matrix = kernels.reshape(len(kernels), -1)
    name = x.recorder.names.get(kernels)
    if name is not None:
        x.recorder.names.give(matrix, name)
    return at_places(x.flatten(1), matrix, np.where(met == 0, size, met - 1)).unflatten(1, tuple(shape))


def _mean_at_places(x: Symbolic, pool: Callable[[Tensor], Tensor]) -> Tensor:
    """Pooling by means: the sum over each window of each channel, times a factor."""
    channels, size = x.shape[1], math.prod(x.shape[2:])
    window, factor = _windows(pool, x.shape[2:])
    first = np.arange(channels)[:, None, None] * size
    places = np.where(window < size, window + first, channels * size).reshape(-1, window.shape[1])
    same = bool(np.all(factor == factor[0]))
    matrix = torch.full((1, window.shape[1]), float(factor[0]) if same else 1.0, dtype=torch.float64)
    y = at_places(x.flatten(1), matrix, places)
    if not same:
        y = y * torch.from_numpy(np.tile(factor, channels))
    return y.unflatten(1, tuple(_result(x, pool)))


def _windows(pool: Callable[[Tensor], Tensor], shape: Sequence[int]) -> tuple[Integers, Floats]:
    """The elements of which each output of one channel is the mean, padded with the channel's size; and 1/count."""
    size = math.prod(shape)
    outputs, elements, factors = [], [], []
    for start in range(0, size, max(1, BASIS // size)):
        stop = min(size, start + max(1, BASIS // size))
        units = torch.zeros(stop - start, size, dtype=torch.float64)
        units[torch.arange(stop - start), torch.arange(start, stop)] = 1.0
        weights = pool(units.reshape(-1, 1, *shape)).reshape(stop - start, -1)
        element, output = torch.nonzero(weights, as_tuple=True)
        outputs.append(output)
        elements.append(element + start)
        factors.append(weights[element, output])
    output = torch.cat(outputs)
    order = torch.argsort(output, stable=True)
    output, element, factor = (a[order].numpy() for a in (output, torch.cat(elements), torch.cat(factors)))
    counts = np.bincount(output)
    starts = np.cumsum(counts) - counts
    window = np.full((counts.size, counts.max()), size)
    window[output, np.arange(output.size) - starts[output]] = element
    return window, factor[starts]


def _maximum(function: ConvolutionRule, axes: int) -> ConvolutionRule:
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
            raise TypeError("argument dilation or return_indices: plain windows over (rows, channels, ...) expected")
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


CONVOLUTIONS: dict[Callable[..., object], ConvolutionRule] = {
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
