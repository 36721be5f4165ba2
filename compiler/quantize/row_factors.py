"""The factor of each row of a matrix, which its neuron multiplies the row's sum by: so that the weights err least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from compiler.quantize.matrices import (
    Rounding,
    best_exponents,
    calibrated,
    convincing,
    error_size,
    held_back,
    input_spread,
    is_calibrated,
    round_to_nearest,
)
from compiler.quantize.precision import Precision
from hw_models.arrays import Floats

BITS = 8
"""Significant bits of a factor: few, so that the row's sum meets it without being narrowed."""
TRIES = 24
"""Factors that are tried for a row, each 1/128 of the least one larger."""
TOGETHER = 2**22
"""Elements of the rows, each with all its factors, that are tried at a time."""


def row_factors(matrix: Floats, sizes: Sequence[int], inputs: Floats, precision: Precision) -> Floats:
    """One for each row, by which the row is divided before its weights are rounded.

    `inputs` are what the calibration data sends through the matrix, (samples, columns). The least factor brings the
    row's largest weight to the end of the synapses' range. A larger one may suit the others better: that with the least
    error of the row's sum is taken, of weights rounded as they will be. Split weights need none of it.
    """
    top = 1.0 - 2.0**-precision.first_weight
    shifts = best_exponents(matrix, sizes, np.mean(inputs**2, axis=0) + 1e-12)
    columns = np.repeat(2.0 ** np.array(shifts, np.float64), sizes)
    largest = np.abs(matrix * columns).max(axis=1, initial=0.0)
    least = np.where(largest > 0.0, largest / top, 1.0)
    best = _rounded_up(least)
    if precision.split_weights or not matrix.size:
        return best
    rows = _ScaledRows(matrix, columns * 2.0**precision.first_weight, least)
    to_nearest: Rounding = partial(round_to_nearest, high=2**precision.first_weight - 1)
    plain = rows.best(to_nearest, inputs)
    if not is_calibrated(precision, matrix.shape[1]):
        return plain
    # The factor that suits weights rounded over the calibration is only right for rows that will be.
    judging, learned_from = held_back(inputs)
    how = input_spread(learned_from / columns)
    over: Rounding = partial(calibrated, how=how, high=2**precision.first_weight - 1)
    tried = rows.best(over, learned_from)
    better = convincing(rows.errors(tried, over, judging), rows.errors(plain, to_nearest, judging))
    return np.where(better, tried, plain)


@dataclass(frozen=True)
class _ScaledRows:
    """The rows of `matrix`, the grid that each column's weights lie on at a factor of 1, and the `least` factors."""

    matrix: Floats
    grid: Floats
    least: Floats

    def best(self, rounded: Rounding, inputs: Floats) -> Floats:
        """The factors, of those tried, with which the rows err least on `inputs`, (samples, columns)."""
        size = error_size(inputs)
        together = max(1, TOGETHER // (TRIES * self.matrix.shape[1]))
        best = np.zeros(len(self.matrix))
        for start in range(0, len(self.matrix), together):
            part = slice(start, start + together)
            tried = _rounded_up(np.outer(1 + np.arange(TRIES) / 128, self.least[part]))
            rows = _ScaledRows(np.tile(self.matrix[part], (TRIES, 1)), self.grid, np.tile(self.least[part], TRIES))
            errors = size(rows.wrong(tried.ravel(), rounded)).reshape(tried.shape)
            best[part] = np.take_along_axis(tried, np.argmin(errors, axis=0)[None], axis=0)[0]
        return best

    def errors(self, factors: Floats, rounded: Rounding, inputs: Floats) -> Floats:
        """How large each row's error is on `inputs`, squared."""
        return error_size(inputs)(self.wrong(factors, rounded))

    def wrong(self, factors: Floats, rounded: Rounding) -> Floats:
        """What rounded weights are wrong by."""
        grid = self.grid / factors[:, None]
        return rounded(self.matrix * grid) / grid - self.matrix


def _rounded_up(factor: Floats) -> Floats:
    mantissa, exponent = np.frexp(factor)
    return np.ldexp(np.ceil(np.ldexp(mantissa, BITS)), exponent - BITS)
