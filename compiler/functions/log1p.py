"""log(1 + x), precise where x is small, too.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 1.9e-5 over -0.5..2. Over more
than six octaves of 1 + x see log.
"""

import numpy as np

from compiler.functions.function import Function, Scaling, increasing
from hw_models.arrays import Floats

NEAREST = 2.0**-52 - 1.0


def log1p(x: Floats) -> Floats:
    """log(1 + x); -inf at -1, NaN below.

    >>> float(log1p(np.array(0.0)))
    0.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log1p(x)


LOG1P = Function(
    "log1p",
    log1p,
    increasing(lambda x: np.log1p(np.maximum(x, NEAREST))),
    least=-1.0,
    scaling=Scaling.LOGARITHM,
    onnx="one = Constant <value_float = 1.0> ()  above = Add(x, one)  out = Log(above)",
)
