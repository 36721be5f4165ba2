"""The natural logarithm, of arguments above 0.

Approximation on loihi2 (cubics, 8 segments): over more than six octaves the argument is brought into the uppermost one,
and the octaves are added: off by at most 1.7e-5 where the result has 16 fraction bits.
"""

import numpy as np

from compiler.functions.function import Function, Scaling, increasing
from hw_models.arrays import Floats

TINY = 1e-300


def log(x: Floats) -> Floats:
    """The logarithm; -inf at 0, NaN below.

    >>> float(log(np.array(1.0)))
    0.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x)


LOG = Function(
    "log",
    log,
    increasing(lambda x: np.log(np.maximum(x, TINY))),
    least=0.0,
    scaling=Scaling.LOGARITHM,
    onnx="out = Log(x)",
)
