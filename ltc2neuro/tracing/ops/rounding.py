"""Functions that cut: floors, remainders and fractional parts, of what is left above the multiples of 1.

Arguments are named as torch names them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from ltc2neuro.tracing.ops.elementwise import apply
from ltc2neuro.tracing.ops.torch_ops import TorchRules, by_spelling
from ltc2neuro.tracing.recording.symbolic import Symbolic

Tensor = torch.Tensor
Number = Tensor | float


def _above_floor(x: Tensor) -> Tensor:
    return apply("sawtooth", x) if isinstance(x, Symbolic) else x - torch.floor(x)


def _floor(input: Tensor) -> Tensor:
    return input - _above_floor(input)


def _signed(of_size: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A function that treats both sides of 0 alike."""

    def rule(input: Tensor) -> Tensor:
        size = of_size(abs(input))
        return torch.where(input < 0, -size, size)

    return rule


_trunc, _frac = _signed(_floor), _signed(_above_floor)


def _round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """To the nearest, of two that are as near to the even one."""
    if decimals:
        return _round(input * 10.0**decimals) * 10.0**-decimals
    up = _floor(input + 0.5)
    tie, odd = up - input >= 0.5, _above_floor(up * 0.5) > 0.25
    return torch.where(tie & odd, up - 1, up)


def _over(input: Number, other: Number) -> Tensor:
    """The quotient, of which one is a symbolic tensor."""
    if isinstance(input, Tensor):
        return input / other if isinstance(other, Tensor) else input * (1.0 / other)
    assert isinstance(other, Tensor)
    return input / other


def _remainder(input: Number, other: Number) -> Tensor:
    return _above_floor(_over(input, other)) * other


def _floor_divide(input: Number, other: Number) -> Tensor:
    return _floor(_over(input, other))


def _div(input: Number, other: Number, *, rounding_mode: str | None = None) -> Tensor:
    if rounding_mode is None:
        return torch.true_divide(input, other)
    return {"floor": _floor, "trunc": _trunc}[rounding_mode](_over(input, other))


ROUNDINGS: TorchRules = by_spelling(
    (("floor",), _floor),
    (("ceil",), lambda input: input + _above_floor(-input)),
    (("round",), _round),
    (("trunc", "fix"), _trunc),
    (("frac",), _frac),
    (("div", "divide"), _div),
    (("fmod",), lambda input, other: _frac(_over(input, other)) * other),
    (("remainder", "__mod__"), _remainder),
    (("__rmod__",), lambda other, input: _remainder(input, other)),
    (("floor_divide", "__floordiv__"), _floor_divide),
    (("__rfloordiv__",), lambda other, input: _floor_divide(input, other)),
)
"""The decomposition of each."""
