"""LeCun's scaled tanh, the activation of CfC backbones.

Approximation on loihi2 (cubics, 8 segments, argument with 13 fraction bits): off by at most 5.4e-5 where the result has
16 fraction bits, 7.0e-5 where it has 15. A table of 4096 lines: 2.3e-7.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry, increasing
from hw_models.arrays import Floats


def lecun_tanh(x: Floats) -> Floats:
    """1.7159 * tanh(0.666 * x).

    >>> float(lecun_tanh(np.array(0.0)))
    0.0
    """
    return 1.7159 * np.tanh(0.666 * x)


LECUN_TANH = Function(
    "lecun_tanh",
    lecun_tanh,
    increasing(lecun_tanh),
    Symmetry.ODD,
    limit=1.7159,
    onnx="""
        inner = Constant <value_float = 0.666> ()  outer = Constant <value_float = 1.7159> ()
        scaled = Mul(x, inner)  y = Tanh(scaled)
        out = Mul(y, outer)""",
)
