"""The sigmoid linear unit, or swish: a ramp and a dent on both sides of 0.

Approximation on loihi2 (cubics, 8 segments, argument with 13 fraction bits): off by at most 4.5e-5 where the result has
16 fraction bits, 6.2e-5 where it has 15. A table of 4096 lines: 4.3e-7.
"""

from compiler.functions.function import Function, Symmetry, valley
from compiler.functions.sigmoid import sigmoid
from hw_models.arrays import Floats


def silu(x: Floats) -> Floats:
    """x * sigmoid(x).

    >>> import numpy as np
    >>> round(float(silu(np.array(1.0))), 6)
    0.731059
    """
    return x * sigmoid(x)


SILU = Function(
    "silu",
    silu,
    valley(silu, -1.2784645427610738),
    Symmetry.RAMP,
    limit=0.0,
    onnx="gate = Sigmoid(x)  out = Mul(x, gate)",
)
