"""The arc sine, of arguments from -1 to 1: what a range holds beyond counts as the end.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 1.6e-5 over -0.9..0.9, 4e-4
over -1..1, for at its ends it is as steep as a root.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry, increasing
from hw_models.arrays import Floats


def asin(x: Floats) -> Floats:
    """The arc sine.

    >>> round(float(asin(np.array(1.0))), 4)
    1.5708
    """
    return np.arcsin(np.clip(x, -1.0, 1.0))


ASIN = Function(
    "asin",
    asin,
    increasing(asin),
    Symmetry.ODD,
    onnx="""
        low = Constant <value_float = -1.0> ()  high = Constant <value_float = 1.0> ()
        limited = Clip(x, low, high)  out = Asin(limited)""",
)
