"""The exponential linear unit, with alpha = 1.

Approximation on loihi2 (cubics, 8 segments, argument with 13 fraction bits): off by at most 4.3e-5 where the result has
16 fraction bits, 6.0e-5 where it has 15. A table of 4096 lines: 6e-7.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry, increasing
from hw_models.arrays import Floats


def elu(x: Floats) -> Floats:
    """x for x >= 0, exp(x) - 1 below.

    >>> elu(np.array([2.0, -np.inf])).tolist()
    [2.0, -1.0]
    """
    return np.maximum(x, 0.0) + np.expm1(np.minimum(x, 0.0))


ELU = Function("elu", elu, increasing(elu), Symmetry.HINGE, limit=-1.0, onnx="out = Elu(x)")
