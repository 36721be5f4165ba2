"""The logistic function, 1 / (1 + exp(-x))."""

import numpy as np

from compiler.functions.function import Floats, Function, Symmetry, increasing


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow.

    >>> float(sigmoid(np.array(0.0)))
    0.5
    """
    return 0.5 + 0.5 * np.tanh(0.5 * x)


SIGMOID = Function("sigmoid", sigmoid, increasing(sigmoid), Symmetry.COMPLEMENT, tail=11.8)
