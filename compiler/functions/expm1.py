"""exp(x) - 1, precise where x is small, too: what decays in a short time.

Approximation on loihi2 (cubics, 8 segments): see exp; near 0 its error is a part of the result.
"""

import numpy as np

from compiler.functions.function import Function, increasing

EXPM1 = Function(
    "expm1",
    np.expm1,
    increasing(np.expm1),
    limit_below=-1.0,
    onnx="one = Constant <value_float = 1.0> ()  power = Exp(x)  out = Sub(power, one)",
)
