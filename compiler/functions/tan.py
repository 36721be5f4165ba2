"""The tangent, of arguments between -pi/2 and pi/2.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 1.6e-5 over -1..1.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry
from hw_models.arrays import Floats


def _range_of(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Unbounded where a pole lies inside."""
    clear = (low > -np.pi / 2) & (high < np.pi / 2)
    return (
        np.where(clear, np.tan(np.where(clear, low, 0.0)), -np.inf),
        np.where(clear, np.tan(np.where(clear, high, 0.0)), np.inf),
    )


TAN = Function("tan", np.tan, _range_of, Symmetry.ODD, onnx="out = Tan(x)")
