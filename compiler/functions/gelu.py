"""The Gaussian error linear unit, x times the normal distribution function: a ramp and a dent.

Approximation on loihi2 (cubics, 8 segments, argument with 13 fraction bits): off by at most 2.8e-5 where the result has
16 fraction bits, 4.5e-5 where it has 15. A table of 4096 lines: 8e-8.
"""

import math

import numpy as np

from compiler.functions.function import Function, Symmetry, valley
from hw_models.arrays import Floats

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def gelu(x: Floats) -> Floats:
    """x * (1 + erf(x / sqrt(2))) / 2, exact far below 0 too.

    >>> round(float(gelu(np.array(1.0))), 6)
    0.841345
    """
    return 0.5 * x * _erfc(-x / math.sqrt(2.0))


GELU = Function(
    "gelu",
    gelu,
    valley(gelu, -0.7517915246935645),
    Symmetry.RAMP,
    limit=0.0,
    onnx="""
        root = Constant <value_float = 0.70710678> ()  half = Constant <value_float = 0.5> ()
        one = Constant <value_float = 1.0> ()
        scaled = Mul(x, root)  y = Erf(scaled)
        gate = Add(y, one)  halved = Mul(x, half)
        out = Mul(halved, gate)""",
)
