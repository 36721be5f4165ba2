"""What the host makes of the answers at all steps, where a model answers once a sequence.

It is computed in float64 from the answers in the model's units, step after step from the first one: whichever executor
the answers come from, whether they come at once or one by one, the numbers are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hw_models.arrays import Floats


@dataclass(frozen=True)
class Readout:
    """`fold` makes one of that of the steps so far and the next step's; a mean is divided by their number."""

    words: str
    fold: Callable[[Floats, Floats], Floats]
    averages: bool = False

    def over(self, y: Floats) -> Floats:
        """That of answers (..., time, size) with at least one step: (..., size)."""
        so_far = y[..., 0, :]
        for step in range(1, y.shape[-2]):
            so_far = self.fold(so_far, y[..., step, :])
        return self.after(so_far, y.shape[-2])

    def after(self, folded: Floats, steps: int) -> Floats:
        """That of so many steps, which were folded."""
        return folded / steps if self.averages else folded


def _latest(so_far: Floats, y: Floats) -> Floats:
    return y


READOUTS: Mapping[str, Readout] = {
    "every": Readout("at every step", _latest),
    "last": Readout("at the last step", _latest),
    "first": Readout("at the first step", lambda so_far, y: so_far),
    "mean": Readout("as the mean over all steps", np.add, averages=True),
    "sum": Readout("as the sum over all steps", np.add),
    "max": Readout("as the largest of all steps", np.maximum),
    "min": Readout("as the smallest of all steps", np.minimum),
}
