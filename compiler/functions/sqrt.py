"""The square root: approximated over the interval that its argument lies in, or over two octaves where those are many.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 3e-5 over 1/4..4, 4e-4 over 0..4.
A table of 4096 lines: 1.1e-7 and 4.6e-3, for near 0 a root is steeper than lines of one length follow. Over more than
six octaves the argument is brought into the uppermost two, by an even shift: the error is a part of the result then.
"""

import numpy as np

from compiler.functions.function import Function, Scaling
from hw_models.arrays import Floats


def _range_of(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Arguments below 0, which a range may hold though no value does, count as 0."""
    return np.sqrt(np.maximum(low, 0.0)), np.sqrt(np.maximum(high, 0.0))


SQRT = Function("sqrt", np.sqrt, _range_of, least=0.0, scaling=Scaling.ROOT, onnx="out = Sqrt(x)")
