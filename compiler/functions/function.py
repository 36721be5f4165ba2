"""What an element function tells the compiler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from hw_models.arrays import Floats

RangeRule = Callable[[Floats, Floats], tuple[Floats, Floats]]

FAR = 64.0
"""Every tail has begun by then."""


class Symmetry(Enum):
    """How f follows from its *half*, a function of u >= 0: all that an approximation has to fit."""

    NONE = "there is no half"
    EVEN = "f(x) = half(|x|)"
    ODD = "f(x) = half(|x|) with the sign of x"
    COMPLEMENT = "f(x) = half(|x|), for x < 0 1 - half(|x|)"
    RAMP = "f(x) = max(x, 0) + half(|x|)"
    HINGE = "f(x) = max(x, 0) + half(max(-x, 0))"


class Scaling(Enum):
    """How f over many octaves follows from f over a few: see compiler/quantize/octaves.py."""

    NONE = "it does not"
    ROOT = "f(4 u) = 2 f(u), with u from where f is defined on"
    LOGARITHM = "f(2 u) = f(u) + log(2), with u from its pole on"


@dataclass(frozen=True)
class Function:
    """An element function.

    `real` is its float64 formula over arrays; `range_of(low, high)` bounds it over an interval, element by element.
    `limit` is what its half tends to (so that a function with RAMP or HINGE ends in straight lines), None where it
    tends to nothing; `limit_below` is what a function without symmetry tends to far below 0. `torch_off` is how far
    torch's own function is from the formula by design, where it is.
    """

    name: str
    real: Callable[[Floats], Floats]
    range_of: RangeRule
    symmetry: Symmetry = Symmetry.NONE
    limit: float | None = None
    limit_below: float | None = None
    torch_off: Callable[[Floats], Floats] | None = None
    least: float | None = None
    """below it there is no function; what a range holds of that counts as this, None where it is defined everywhere"""
    scaling: Scaling = Scaling.NONE
    period: float | None = None
    """f(x + period) = f(x)"""
    onnx: str = field(kw_only=True)
    """`out` of `x` in ONNX's own operators, as onnx.parser reads it"""

    def half(self, u: Floats) -> Floats:
        """The half that `symmetry` speaks of, for u >= 0; without symmetry the function itself."""
        return self.real(-u) if self.symmetry in (Symmetry.RAMP, Symmetry.HINGE) else self.real(u)

    @property
    def tail(self) -> float | None:
        """From this u on the half is within 2^-17 of its limit: as near as 16 fraction bits can tell."""
        return self.tail_at(2.0**-17)

    def tail_at(self, error: float) -> float | None:
        """From this u on the half is within `error` of its limit; None where it has no limit."""
        return None if self.limit is None else _settled(self.half, self.limit, error)

    def tail_below_at(self, error: float) -> float | None:
        """Down from -u, with this u, a function without symmetry is within `error` of its limit there, or None."""
        limit = self.limit_below
        return None if limit is None else _settled(lambda u: self.real(-u), limit, error)


MOST = 1e100
"""The largest end of a range: no word holds it, and no sum or product of such overflows"""


def increasing(real: Callable[[Floats], Floats]) -> RangeRule:
    """The range rule of a function that never falls."""

    def range_of(low: Floats, high: Floats) -> tuple[Floats, Floats]:
        with np.errstate(over="ignore"):
            return np.minimum(real(low), MOST), np.minimum(real(high), MOST)

    return range_of


def valley(real: Callable[[Floats], Floats], bottom: float) -> RangeRule:
    """The range rule of a function that falls until `bottom` and rises from there on."""

    def range_of(low: Floats, high: Floats) -> tuple[Floats, Floats]:
        least = real(np.clip(bottom, low, high))
        return least, np.maximum(real(low), real(high))

    return range_of


def _settled(real: Callable[[Floats], Floats], limit: float, error: float) -> float:
    """The u from which on |real(u) - limit| <= error: found on a grid, then on one of 2^12 points in its last step."""
    last, step = 0.0, FAR
    for _ in range(2):
        step /= 4096
        u = last + step * np.arange(4097)
        away = np.flatnonzero(np.abs(real(u) - limit) > error)
        if not away.size:
            return last
        last = float(u[away[-1]])
    return last + step
