"""What a calibration cannot tell: channels that never vary, a single sample, nothing but zeros."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from ltc2neuro.inputs.arrays import Floats

MOST_NAMED = 8
"""How many channels a warning names"""


def warn_of_poor_calibration(sequences: Sequence[Floats], *, timed: bool, stacklevel: int) -> None:
    """One warning with the numbers of the channels of which these sequences (time, channels) show no range.

    Where it is `timed`, the last channel is the time before each sample.
    """
    low, high = np.min([s.min(axis=0) for s in sequences], axis=0), np.max([s.max(axis=0) for s in sequences], axis=0)
    found = _problems(low, high, sum(len(s) for s in sequences), timed=timed)
    if found:
        warnings.warn(
            f"the calibration is poor: {'; '.join(found)}. Ranges come from it, and what lies beyond them is clipped: "
            "give data like those that the network will meet.",
            stacklevel=stacklevel + 1,
        )


def _problems(low: Floats, high: Floats, samples: int, *, timed: bool) -> list[str]:
    features = low.size - timed
    still = np.flatnonzero(low[:features] == high[:features])
    found = []
    if samples == 1:
        found.append("it is one sample only, so that no channel varies")
    elif still.size == features and not low[:features].any():
        found.append("all of it is 0")
    elif still.size:
        named = ", ".join(f"{i} (always {low[i]:.6g})" for i in still[:MOST_NAMED])
        more = f" and {still.size - MOST_NAMED} more" if still.size > MOST_NAMED else ""
        word = "channel" if still.size == 1 else "channels"
        verb = "varies" if still.size == 1 else "vary"
        found.append(f"input {word} {named}{more} of {features} never {verb}")
    if timed and samples > 1 and low[-1] == high[-1]:
        found.append(f"all its time spans are {low[-1]:.6g}")
    return found
