"""The logistic function.

Approximation on loihi2 (cubics, 8 segments, argument with 13 fraction bits): off by at most 2.7e-5 where the result has
16 fraction bits, 4.3e-5 where it has 15. A table of 4096 lines: 6e-8.
"""

import numpy as np

from compiler.functions.function import Floats, Function, Symmetry, increasing


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow.

    >>> float(sigmoid(np.array(0.0)))
    0.5
    """
    return 0.5 + 0.5 * np.tanh(0.5 * x)


SIGMOID = Function("sigmoid", sigmoid, increasing(sigmoid), Symmetry.COMPLEMENT, limit=1.0)
