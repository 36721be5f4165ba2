"""What a cell under `Recurrent` may tell the compiler about its states. Each of these is optional."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import torch

Bound: TypeAlias = "tuple[torch.Tensor | float, torch.Tensor | float]"
"""Lower and upper end, a number or one per element"""


@runtime_checkable
class NamedStates(Protocol):
    """A cell whose states have names of their own; those of others are h, or h0, h1 ..."""

    state_names: Sequence[str]


@runtime_checkable
class Bounded(Protocol):
    """A cell that knows where its states stay: their integers need no calibration."""

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None] | None:
        """For each state the ends of an interval, or None where nothing is proven; None alone where it is for none.

        A new state must be a mean, with weights that are not negative, of the old state and of values in this interval,
        for any input and for each unit on its own, while the other states are within theirs. It then never leaves the
        hull of the interval and its start. Where `repeat` starts from the state this holds for each of its steps.
        `elapsed` is the longest time of a sample, infinity where the model computes it and nothing is known.
        """
        ...


@runtime_checkable
class Growing(Protocol):
    """A cell with a state that may grow without bound while its input stays bounded: it compiles with a warning."""

    @property
    def unbounded(self) -> bool | Sequence[str]:
        """Whether it may grow with the parameters it has; of several states the names of those that may."""
        ...
