"""The factor of each row of a matrix, which its neuron multiplies the row's sum by: so that the weights err least."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.quantize.matrices import best_exponents, calibrated, error_size, is_calibrated, spread
from compiler.quantize.precision import Precision
from hw_models.arrays import Floats

BITS = 8
"""Significant bits of a factor: few, so that the row's sum meets it without being narrowed."""
TRIES = 24
"""Factors that are tried for a row, each 1/128 of the least one larger."""
TOGETHER = 2**22
"""Elements of the rows that are tried at a time."""


def row_factors(matrix: Floats, sizes: Sequence[int], inputs: Floats, precision: Precision) -> Floats:
    """One for each row, by which the row is divided before its weights are rounded.

    `inputs` are what the calibration data sends through the matrix, (samples, columns). The least factor brings the
    row's largest weight to the end of the synapses' range. A larger one may suit the others better: that with the least
    error of the row's sum is taken. Split weights need none of it.
    """
    top = 1.0 - 2.0**-precision.first_weight
    shifts = best_exponents(matrix, sizes, np.mean(inputs**2, axis=0) + 1e-12)
    columns = np.repeat(2.0 ** np.array(shifts, np.float64), sizes)
    largest = np.abs(matrix * columns).max(axis=1, initial=0.0)
    least = np.where(largest > 0.0, largest / top, 1.0)
    best = _rounded_up(least)
    if precision.split_weights or not matrix.size:
        return best
    high = 2**precision.first_weight - 1
    how = spread(inputs / columns) if is_calibrated(precision, matrix.shape[1]) else None
    size = error_size(inputs)
    together = max(1, TOGETHER // matrix.shape[1])
    for start in range(0, len(matrix), together):  # a row's factor is its own matter
        rows = slice(start, start + together)
        best_error = np.full(len(matrix[rows]), np.inf)
        for step in range(TRIES):
            factor = _rounded_up(least[rows] * (1 + step / 128))
            grid = columns * 2.0**precision.first_weight / factor[:, None]
            weights = calibrated(matrix[rows] * grid, how, high)
            error = size(weights / grid - matrix[rows])
            best[rows] = np.where(error < best_error, factor, best[rows])
            best_error = np.minimum(error, best_error)
    return best


def _rounded_up(factor: Floats) -> Floats:
    mantissa, exponent = np.frexp(factor)
    return np.ldexp(np.ceil(np.ldexp(mantissa, BITS)), exponent - BITS)
