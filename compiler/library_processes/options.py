"""What a network of library processes is built with: how many hinges a function has, how weights are split."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from hw_models.arguments import check_count, check_flag, is_real, shown
from hw_models.errors import InputError

MOST_HINGES = 256


class Reciprocal(Enum):
    """How a quotient's denominator D becomes a factor.

    INVERSE_ROOT: 1/sqrt(D) of 12 bits, squared. HINGES: one more piecewise linear function, closer where D varies by
    less than some ten times, and far off where it varies by hundreds: the steep end of 1/D takes all of the weights.
    """

    INVERSE_ROOT = "the square of InvSqrt"
    HINGES = "piecewise linear"


@dataclass(frozen=True)
class LibraryForm:
    """The form of a network without microcode.

    `hinges` approximate an element function, `reciprocal_hinges` a reciprocal where `reciprocal` says hinges.
    `split_weights`: each weight is two of 8 bits in two connections, 16 bits together.
    `growth`: a function whose hinges would each receive a wide sum receives it from a neuron of its own instead, a tick
    later, where that saves more than this factor of synapses.
    `margin`: a calibrated range is this much wider than what was seen.
    Raises `InputError` for numbers that cannot make a network.
    """

    hinges: int = 16
    split_weights: bool = True
    reciprocal: Reciprocal = Reciprocal.INVERSE_ROOT
    reciprocal_hinges: int = 32
    growth: float = 12.0
    margin: float = 2.0

    def __post_init__(self) -> None:
        for name in ("hinges", "reciprocal_hinges"):
            object.__setattr__(self, name, check_count(getattr(self, name), name, 3, MOST_HINGES))
        for name, most in (("growth", math.inf), ("margin", 1e6)):
            factor = getattr(self, name)
            if not is_real(factor) or not 1.0 <= factor <= most:
                raise InputError(f"{name} must lie in 1..{most:g}", numbers=f"{name} = {shown(factor)}")
            object.__setattr__(self, name, float(factor))
        object.__setattr__(self, "split_weights", check_flag(self.split_weights, "split_weights"))
        if not isinstance(self.reciprocal, Reciprocal):
            names = ", ".join(f"Reciprocal.{r.name}" for r in Reciprocal)
            raise InputError(f"reciprocal must be one of {names}", numbers=f"reciprocal = {self.reciprocal!r}")
