"""What an element function tells the compiler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Symmetry(Enum):
    """What `f(-x)` is, so that an approximation needs only x >= 0."""

    NONE = "none"
    EVEN = "f(-x) = f(x)"
    ODD = "f(-x) = -f(x)"
    COMPLEMENT = "f(-x) = 1 - f(x)"


@dataclass(frozen=True)
class Function:
    """An element function.

    `real` is its float64 formula over arrays; `range_of(low, high)` bounds it over an interval, element by
    element; `tail` is the distance from 0 from which on it is within 2^-17 of a constant (or of a straight
    line, by `tail_slope`) on each side, or None where it has no such tail.
    """

    name: str
    real: Callable[[Floats], Floats]
    range_of: Callable[[Floats, Floats], tuple[Floats, Floats]]
    symmetry: Symmetry = Symmetry.NONE
    tail: float | None = None


def increasing(real: Callable[[Floats], Floats]) -> Callable[[Floats, Floats], tuple[Floats, Floats]]:
    """The range rule of a function that never falls."""
    return lambda low, high: (real(low), real(high))
