"""Between what each channel of a float graph's input is, where more is known than the sequences tell."""

from __future__ import annotations

import numpy as np

from compiler.ranges.observed import InputEnds
from hw_models.arrays import Floats
from ltc2neuro.inputs.tokens import Tokens


def input_ends(tokens: Tokens | None, seen: tuple[Floats, Floats] | None, *, timed: bool) -> InputEnds | None:
    """Those of the rows that tokens select, and of what was `seen` besides the sequences."""
    if tokens is None:
        return None if seen is None else InputEnds(*seen, np.zeros(len(seen[0]), bool))
    low, high = (np.append(end, [np.nan] * timed) for end in tokens.ends)
    exact = ~np.isnan(low)
    if seen is not None:
        low[~exact], high[~exact] = (end[list(tokens.numbers)] for end in seen)
    return InputEnds(low, high, exact)
