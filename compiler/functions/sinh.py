"""The hyperbolic sine, over a bounded interval.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 1.6e-5 over -2..2.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry, increasing
from hw_models.arrays import Floats


def sinh(x: Floats) -> Floats:
    """The hyperbolic sine, infinite where it overflows.

    >>> float(sinh(np.array(0.0)))
    0.0
    """
    with np.errstate(over="ignore"):
        return np.sinh(x)


SINH = Function("sinh", sinh, increasing(sinh), Symmetry.ODD, onnx="out = Sinh(x)")
