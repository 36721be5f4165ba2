"""The logistic function.

Approximation on loihi2 (cubics, 8 segments, argument with 13 fraction bits): off by at most 2.7e-5 where the result has
16 fraction bits, 4.3e-5 where it has 15. A table of 4096 lines: 6e-8.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry, increasing
from hw_models.arrays import Floats


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow, and exact to the LSB far below 0.

    >>> float(sigmoid(np.array(0.0))), float(sigmoid(np.array(-700.0))) == float(np.exp(-700.0))
    (0.5, True)
    """
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1.0) / (1.0 + small)


SIGMOID = Function("sigmoid", sigmoid, increasing(sigmoid), Symmetry.COMPLEMENT, limit=1.0, onnx="out = Sigmoid(x)")
