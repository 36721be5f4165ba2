"""The sine, of arguments however many periods they span.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 2e-5 over a period; of other
arguments the multiple of the period is taken off first, which is exact to half an LSB.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry
from hw_models.arrays import Floats


def range_of_sine(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """-1 where a trough lies inside, 1 where a crest does, else what the ends are."""
    ends = np.sin(low), np.sin(high)

    def holds(place: float) -> np.ndarray:
        return np.floor((high - place) / (2 * np.pi)) >= np.ceil((low - place) / (2 * np.pi))

    return (
        np.where(holds(-np.pi / 2), -1.0, np.minimum(*ends)),
        np.where(holds(np.pi / 2), 1.0, np.maximum(*ends)),
    )


SIN = Function("sin", np.sin, range_of_sine, Symmetry.ODD, period=2 * np.pi, onnx="out = Sin(x)")
