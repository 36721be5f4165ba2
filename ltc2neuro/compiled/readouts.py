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

    That of the `latest` so many steps looks at no others; below 0 those are all but the first. `apart`: it has the
    answer to each of these.
    """

    text: str
    fold: Callable[[Floats, Floats], Floats]
    averages: bool = False
    latest: int = 0
    apart: bool = False

    def over(self, y: Floats) -> Floats:
        """That of answers (..., time, size) with at least one step: (..., size)."""
        y = y[..., -self.latest :, :]
        if self.apart:
            return y
        if y.shape[-2] == 0:
            return self._of_none(y.sum(-2))
        so_far = y[..., 0, :]
        for step in range(1, y.shape[-2]):
            so_far = self.fold(so_far, y[..., step, :])
        return so_far / y.shape[-2] if self.averages else so_far

    def kept(self, before: Floats | None, y: Floats, steps: int) -> Floats:
        """What is kept of so many steps, of what was before the last of them and that one's."""
        if self.latest <= 0:
            return y if before is None or steps <= 1 - self.latest else self.fold(before, y)
        latest = y[..., None, :]
        return latest if before is None else np.concatenate([before, latest], -2)[..., -self.latest :, :]

    def after(self, kept: Floats, steps: int) -> Floats:
        """That of so many steps, of which this is kept."""
        if self.latest > 0:
            return self.over(kept)
        steps += self.latest
        if steps <= 0:
            return self._of_none(kept)
        return kept / steps if self.averages else kept

    def _of_none(self, like: Floats) -> Floats:
        """That of no steps: as in torch 0 of a sum, and no number of others."""
        return np.full_like(like, 0.0 if self.fold is np.add and not self.averages else np.nan)


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
_WINDOW = re.compile(r"((mean|sum|max|min) of )?(last|all but) ([1-9]\d{0,8})")


def window(latest: int) -> str:
    """The name of the latest so many steps; below 0 of all but the first."""
    return f"last {latest}" if latest > 0 else f"all but {-latest}"


def readout(name: str) -> Readout:
    """That of a name: one of `READOUTS`, "last 4", "mean of last 4", or "mean of all but 4", the first. Raises
    `KeyError`."""
    found = _WINDOW.fullmatch(name)
    if found is None:
        return READOUTS[name]
    steps, of, last = int(found[4]), found[2], found[3] == "last"
    which, latest = (f"the last {steps} steps", steps) if last else (f"all steps but the first {steps}", -steps)
    if of is None:
        return Readout(f"at {which}", _latest, latest=latest, apart=True)
    return replace(READOUTS[of], text=READOUTS[of].text.replace("all steps", which), latest=latest)


def is_readout(name: str) -> bool:
    """Whether there is one of that name."""
    return name in READOUTS or _WINDOW.fullmatch(name) is not None
