"""x - floor(x): of it floor, round, frac and remainders are made.

It is exact in integers: what is left of the argument when the multiple of 1 is taken off.
"""

import numpy as np

from compiler.functions.function import Function
from hw_models.arrays import Floats


def sawtooth(x: Floats) -> Floats:
    """x - floor(x), which lies in 0 <= y < 1.

    >>> sawtooth(np.array([2.25, -2.25])).tolist()
    [0.25, 0.75]
    """
    return x - np.floor(x)


def _range_of(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """0 to 1, or between the ends where there is no jump between them."""
    smooth = np.floor(low) == np.floor(high)
    return np.where(smooth, sawtooth(low), 0.0), np.where(smooth, sawtooth(high), 1.0)


SAWTOOTH = Function("sawtooth", sawtooth, _range_of, period=1.0, onnx="below = Floor(x)  out = Sub(x, below)")
