"""The reciprocal of a value that keeps clear of 0: approximated over the interval that it lies in.

Approximation on loihi2 (16 and 16 fraction bits) over one octave, 1/2..1, relative: cubics 1.3e-5 with 8 segments,
2.6e-5 with 4; parabolas 4.3e-5 with 8. A table of 4096 lines: 1.6e-8. Over more
octaves a division is better, and torch's reciprocal is traced as one.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry
from hw_models.arrays import Floats


def reciprocal(x: Floats) -> Floats:
    """1 / x.

    >>> float(reciprocal(np.array(4.0)))
    0.25
    """
    return 1.0 / x


def _range_of(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Unbounded where 0 lies inside."""
    clear = (low > 0) | (high < 0)
    return (
        np.where(clear, reciprocal(np.where(clear, high, 1.0)), -np.inf),
        np.where(clear, reciprocal(np.where(clear, low, 1.0)), np.inf),
    )


RECIPROCAL = Function("reciprocal", reciprocal, _range_of, Symmetry.ODD, onnx="out = Reciprocal(x)")
