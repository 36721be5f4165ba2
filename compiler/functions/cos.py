"""The cosine, of arguments however many periods they span.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 2e-5 over a period; see sin.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry
from compiler.functions.sin import range_of_sine
from hw_models.arrays import Floats


def _range_of(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    return range_of_sine(low + np.pi / 2, high + np.pi / 2)


COS = Function("cos", np.cos, _range_of, Symmetry.EVEN, period=2 * np.pi, onnx="out = Cos(x)")
