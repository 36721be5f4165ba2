"""Weights of 8 bits, or of twice 8 in two connections, as Lava's Dense holds them.

A weight of mixed signs is even and within -256..254; all of a connection share one power of two. The hinges of one
function have weights that add up to 0: their running sums, the function's slopes, are what is rounded, so that the
integer function is as flat outside its knots as the real one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw_models.arrays import Floats, Integers

LEAST, MOST = -256, 254
"""of a weight with mixed signs"""
HALF = 8
"""bits from the first weight's step to the second's"""


@dataclass(frozen=True)
class Weights:
    """Even integers with their common power of two."""

    integers: Integers
    exponent: int


def split_weights(matrix: Floats, hinges: bool, twice: bool) -> tuple[Weights, ...]:
    """The connections whose sum is nearest to `matrix`, without those that would be all zero.

    `hinges`: the columns are hinges, function by function. `twice`: two connections instead of one.
    """
    largest = float(np.abs(matrix).max(initial=0.0))
    if largest == 0.0:
        return ()
    most = 127 * 2**HALF + 126 if twice else 126  # differences of rounded slopes may be one step more
    step = int(np.ceil(np.log2(largest / most)))
    grid = _rounded(matrix * 2.0**-step, hinges)
    if not twice:
        return _kept([Weights(2 * grid, step - 1)])
    first = (grid + 2 ** (HALF - 1)) >> HALF
    return _kept([Weights(2 * first, step + HALF - 1), Weights(2 * (grid - (first << HALF)), step - 1)])


def _rounded(matrix: Floats, hinges: bool) -> Integers:
    if not hinges:
        return np.rint(matrix).astype(np.int64)
    slopes = np.rint(np.cumsum(matrix, axis=1)).astype(np.int64)
    return np.diff(slopes, axis=1, prepend=0)


def _kept(parts: list[Weights]) -> tuple[Weights, ...]:
    return tuple(p for p in parts if p.integers.any())


def bias_weights(bias: Integers, constants: tuple[int, ...]) -> Integers:
    """Even weights on the `constants` 1, 2^7, 2^14 whose sum is twice `bias`. Beyond 127 * 2^14 the last is too large.

    >>> bias_weights(np.array([300]), (1, 128, 16384))
    array([[88,  4,  0]])
    """
    columns, rest = [], bias.astype(np.int64)
    for _ in constants[:-1]:
        part = ((rest + 64) & 127) - 64
        columns.append(part)
        rest = (rest - part) >> 7
    return 2 * np.stack([*columns, rest], axis=1)
