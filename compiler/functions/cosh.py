"""The hyperbolic cosine, over a bounded interval.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 1.6e-5 over -2..2.
"""

import numpy as np

from compiler.functions.function import MOST, Function, Symmetry, valley
from hw_models.arrays import Floats


def cosh(x: Floats) -> Floats:
    """The hyperbolic cosine; no larger than every word is far.

    >>> float(cosh(np.array(0.0)))
    1.0
    """
    with np.errstate(over="ignore"):
        return np.minimum(np.cosh(x), MOST)


COSH = Function("cosh", cosh, valley(cosh, 0.0), Symmetry.EVEN, onnx="out = Cosh(x)")
