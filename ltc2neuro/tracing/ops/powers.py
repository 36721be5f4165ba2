"""Powers, logarithms and what is made of them: written with functions that have a rule.

Arguments are named as torch names them.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional

from compiler.graph.ops import Max
from ltc2neuro.tracing.ops.elementwise import apply, elementwise
from ltc2neuro.tracing.ops.over_time import over_time
from ltc2neuro.tracing.ops.reductions import largest
from ltc2neuro.tracing.ops.torch_ops import TorchRules, by_spelling
from ltc2neuro.tracing.recording.symbolic import Symbolic, plain

Tensor = torch.Tensor
LARGEST = 16
"""The largest whole power that is made of products"""


def _pow(input: Tensor | float, exponent: Tensor | float) -> Tensor:
    if isinstance(exponent, Tensor) and not isinstance(exponent, Symbolic) and exponent.numel() == 1:
        exponent = exponent.item()
    kind = (torch.as_tensor(plain(input)) ** torch.as_tensor(plain(exponent))).dtype
    if isinstance(exponent, Symbolic) and not isinstance(input, Symbolic):
        if isinstance(input, Tensor) or input <= 0:
            raise TypeError(f"argument input = {input}: the powers of a number above 0 are supported")
        return torch.exp(exponent.to(kind) * math.log(input))
    assert isinstance(input, Symbolic)
    whole = isinstance(exponent, Tensor) and not exponent.dtype.is_floating_point
    if whole or (isinstance(exponent, Tensor) and not isinstance(exponent, Symbolic) and exponent.frac().eq(0).any()):
        # of what is below 0 only whole powers are numbers, and a logarithm does not have them
        raise TypeError("argument exponent = a tensor of whole numbers: single ones are supported, as in x**2")
    input = input.to(kind)
    assert isinstance(input, Symbolic)
    if isinstance(exponent, Tensor):
        return torch.exp(exponent * _log_from_0(input))
    if exponent < 0:
        return torch.reciprocal(_pow(input, -exponent))
    if exponent <= LARGEST and exponent == int(exponent):
        return _whole_power(input, int(exponent))
    if exponent <= LARGEST and 2 * exponent == int(2 * exponent):
        root = torch.sqrt(input)
        return root if exponent == 0.5 else _whole_power(input, int(exponent)) * root
    if exponent == int(exponent):
        raise TypeError(f"argument exponent = {exponent}: whole powers up to {LARGEST} are supported")
    return torch.where(input > 0, torch.exp(exponent * _log_from_0(input)), 0.0)


def _log_from_0(input: Symbolic) -> Tensor:
    """Large but finite at 0, for 0^0 is 1."""
    return torch.log(elementwise(Max, (input, 1e-300), input.example.clamp(min=0.0)))


def _whole_power(input: Tensor, exponent: int) -> Tensor:
    if exponent < 2:
        return input if exponent == 1 else input * 0 + 1
    half = _whole_power(input, exponent // 2)
    return half * half if exponent % 2 == 0 else half * half * input


def _sqrt(input: Symbolic) -> Tensor:
    """Ranges of integers do not see that a sum of squares is never below 0: it is said."""
    return apply("sqrt", elementwise(Max, (input, 0.0), input.example.clamp(min=0.0)))


def _logit(input: Tensor, eps: float | None = None) -> Tensor:
    input = input if eps is None else input.clamp(eps, 1 - eps)
    return torch.log(input) - torch.log(1 - input)


def _logsumexp(input: Tensor, dim: int | tuple[int, ...], keepdim: bool = False) -> Tensor:
    """The largest is taken off, so that the sum is at least 1, which ranges do not see: both are said."""
    read = over_time("logsumexp", torch.logsumexp, input, dim, keepdim)
    if read is not None:
        return read
    most = largest(input, dim, keepdim=True)
    total = torch.exp((input - most).clamp(max=0.0)).sum(dim, keepdim=True).clamp(min=1.0)
    result = torch.log(total) + most
    return result if keepdim else result.squeeze(dim)


def _log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: torch.dtype | None = None
) -> Tensor:
    if dim is None:
        raise TypeError(f"argument dim = {dim}: log_softmax runs over one axis of features")
    return input - _logsumexp(input, dim, keepdim=True)


def _asinh(input: Tensor) -> Tensor:
    size = torch.log(abs(input) + torch.sqrt(input * input + 1))
    return torch.where(input < 0, -size, size)


NEAR_0 = 0.25
"""Below it sin(x) / x is a series, whose quotient would be of two small numbers"""


def _sinc(input: Tensor) -> Tensor:
    size = abs(input)
    square = torch.square(size.clamp(max=NEAR_0)) * math.pi**2
    series = torch.zeros_like(input)
    for power in range(8, -1, -1):
        series = series * square + (-1) ** power / math.factorial(2 * power + 1)
    far = torch.sin(size * math.pi) / (size.clamp(min=NEAR_0) * math.pi)
    return torch.where(size < NEAR_0, series, far)


def _atan2(input: Tensor, other: Tensor) -> Tensor:
    """In the first octant, then turned to the right one."""
    y, x = abs(input), abs(other)
    longer = torch.maximum(x, y).clamp(min=1e-12)
    angle = torch.atan(torch.minimum(x, y) / longer)
    angle = torch.where(y > x, math.pi / 2 - angle, angle)
    angle = torch.where(other < 0, math.pi - angle, angle)
    return torch.where(input < 0, -angle, angle)


POWERS: TorchRules = by_spelling(
    (("pow", "__pow__", "float_power"), _pow),
    (("__rpow__",), lambda exponent, input: _pow(input, exponent)),
    (("square",), lambda input: input * input),
    (("sqrt",), _sqrt),
    (("reciprocal",), lambda input: 1.0 / input),  # a quotient's range may span many octaves
    (("rsqrt",), lambda input: torch.reciprocal(torch.sqrt(input))),
    (("hypot",), lambda input, other: torch.sqrt(input * input + other * other)),
    (("exp2",), lambda input: torch.exp(input * math.log(2))),
    (("log2",), lambda input: torch.log(input) * (1 / math.log(2))),
    (("log10",), lambda input: torch.log(input) * (1 / math.log(10))),
    (("logit",), _logit),
    (("xlogy",), lambda input, other: torch.where(input == 0, 0.0, input * torch.log(other))),
    (("logaddexp",), lambda input, other: torch.maximum(input, other) + functional.softplus(-abs(input - other))),
    (("logsumexp",), _logsumexp),
    (("log_softmax",), _log_softmax),
    (("sinc",), _sinc),
    (("acos", "arccos"), lambda input: math.pi / 2 - torch.asin(input)),
    (("arcsin",), torch.asin),
    (("arctan",), torch.atan),
    (("asinh", "arcsinh"), _asinh),
    (("acosh", "arccosh"), lambda input: torch.log(input + torch.sqrt(input * input - 1))),
    (("atanh", "arctanh"), lambda input: 0.5 * (torch.log1p(input) - torch.log1p(-input))),
    (("atan2", "arctan2"), _atan2),
    (("erfc",), lambda input: 1 - torch.erf(input)),
    (("ndtr",), lambda input: 0.5 + 0.5 * torch.erf(input * math.sqrt(0.5))),
    (("deg2rad",), lambda input: input * (math.pi / 180)),
    (("rad2deg",), lambda input: input * (180 / math.pi)),
)
"""The decomposition of each."""
