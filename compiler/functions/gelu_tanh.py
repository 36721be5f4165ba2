"""The Gaussian error linear unit with tanh in place of erf, as many transformers have it.

Approximation on loihi2 (cubics, 8 segments, argument with 13 fraction bits): off by at most 2.8e-5 where the result has
16 fraction bits, 4.5e-5 where it has 15. A table of 4096 lines: 8e-8.
"""

import math

import numpy as np

from compiler.functions.function import Function, Symmetry, valley
from hw_models.arrays import Floats


def gelu_tanh(x: Floats) -> Floats:
    """x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2.

    >>> round(float(gelu_tanh(np.array(1.0))), 6)
    0.841192
    """
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))


GELU_TANH = Function(
    "gelu_tanh",
    gelu_tanh,
    valley(gelu_tanh, -0.7524614220710163),
    Symmetry.RAMP,
    limit=0.0,
    onnx="""
        root = Constant <value_float = 0.79788456> ()  cubic = Constant <value_float = 0.044715> ()
        half = Constant <value_float = 0.5> ()  one = Constant <value_float = 1.0> ()
        square = Mul(x, x)  cube = Mul(square, x)
        bent = Mul(cube, cubic)  inner = Add(x, bent)
        scaled = Mul(inner, root)  y = Tanh(scaled)
        gate = Add(y, one)  halved = Mul(x, half)
        out = Mul(halved, gate)""",
)
