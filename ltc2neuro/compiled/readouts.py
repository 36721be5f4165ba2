"""What the host makes of the answers at all steps, where a model answers once a sequence.

It is computed in float64 from the answers in the model's units, step after step from the first one: whichever executor
the answers come from, whether they come at once or one by one, the numbers are the same to the last bit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hw_models.arrays import Floats


@dataclass(frozen=True)
class Readout:
    """`fold` makes one of that of the steps so far and the next step's; a mean is divided by their number.

    That of the `latest` so many steps looks at no others; `apart`: it has the answer to each of these.
    """

    words: str
    fold: Callable[[Floats, Floats], Floats]
    averages: bool = False
    latest: int = 0
    apart: bool = False

    def over(self, y: Floats) -> Floats:
        """That of answers (..., time, size) with at least one step: (..., size)."""
        y = y[..., -self.latest :, :]
        if self.apart:
            return y
        so_far = y[..., 0, :]
        for step in range(1, y.shape[-2]):
            so_far = self.fold(so_far, y[..., step, :])
        return so_far / y.shape[-2] if self.averages else so_far

    def begin(self, y: Floats) -> Floats:
        """What is kept of the first step's."""
        return y[..., None, :] if self.latest else y

    def more(self, so_far: Floats, y: Floats) -> Floats:
        """What is kept with the next step's."""
        if not self.latest:
            return self.fold(so_far, y)
        return np.concatenate([so_far, y[..., None, :]], -2)[..., -self.latest :, :]

    def after(self, kept: Floats, steps: int) -> Floats:
        """That of so many steps, of which this is kept."""
        if self.latest:
            return self.over(kept)
        return kept / steps if self.averages else kept


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
_WINDOW = re.compile(r"((mean|sum|max|min) of )?last ([1-9]\d{0,8})")


def readout(name: str) -> Readout:
    """That of a name: one of `READOUTS`, "last 4", or "mean of last 4". Raises `KeyError`."""
    window = _WINDOW.fullmatch(name)
    if window is None:
        return READOUTS[name]
    steps, of = int(window[3]), window[2]
    if of is None:
        return Readout(f"at the last {steps} steps", _latest, latest=steps, apart=True)
    return replace(READOUTS[of], words=READOUTS[of].words.replace("all", f"the last {steps}"), latest=steps)


def is_readout(name: str) -> bool:
    """Whether there is one of that name."""
    return name in READOUTS or _WINDOW.fullmatch(name) is not None
