"""Integer weights of a matrix: their grid, and how they are rounded to it.

Every source of a matrix has an exponent of its own, so that a source with small weights uses the synapses'
range too; the product of weight and message has one fraction for all. Rounding is to the nearest, or
calibrated: what one weight is rounded by is made good by the row's other weights, as far as the inputs of
the calibration data go together (Frantar et al., GPTQ, arXiv 2210.17323).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

MOST = 12
"""No source's weights are shifted further: what is so small hardly counts."""
DAMPING = 0.01
"""Share of the mean variance that is added to each input's, as GPTQ does, so that the inverse exists."""


def exponents(matrix: Floats, sizes: Sequence[int], top: float) -> list[int]:
    """By how many bits each source's columns may be shifted left before one's magnitude is above `top`.

    >>> exponents(np.array([[1.0, 0.2], [0.5, 0.1]]), [1, 1], 1.0)
    [0, 2]
    """
    found = []
    for part in np.split(matrix, np.cumsum(sizes)[:-1], axis=1):
        own = float(np.abs(part).max(initial=0.0))
        found.append(0 if own == 0 else int(np.clip(np.floor(np.log2(top / own) + 1e-9), 0, MOST)))
    return found


def best_exponents(matrix: Floats, sizes: Sequence[int], power: Floats) -> list[int]:
    """By how many bits each source's columns are shifted left for the least expected error of all rows.

    A row's factor follows its largest weight, shifted; a column's errors count with its inputs' mean square, `power`.
    """
    ends = np.cumsum(sizes)[:-1]
    largest = np.stack([np.abs(part).max(axis=1, initial=0.0) for part in np.split(matrix, ends, axis=1)])
    powers = np.array([part.sum() for part in np.split(power, ends)])

    def error(shifts: Integers) -> float:
        scales = (largest * 2.0 ** shifts[:, None]).max(axis=0)
        return float(np.sum(scales**2) * np.sum(powers * 4.0**-shifts))

    best = np.zeros(len(sizes), np.int64)
    for _ in range(len(sizes)):
        for source in range(len(sizes)):
            tries = [np.where(np.arange(len(sizes)) == source, e, best) for e in range(-MOST, MOST + 1)]
            best = min([best, *tries], key=error)
    best = best - best.min()
    return [int(e) for e in np.minimum(best, MOST)]


def nearest(matrix: Floats, high: int) -> Integers:
    """Round to the nearest integers within -high..high."""
    return np.clip(np.floor(matrix + 0.5), -high, high).astype(np.int64)


MOST_PATCHES = 4096
"""Rows of what a convolution meets that are looked at: enough to know how its inputs go together."""


def patches(samples: Floats, places: Integers | None) -> Floats:
    """What a matrix meets in `samples` (samples, elements) of its sources: themselves, or of places chosen evenly.

    >>> patches(np.array([[5.0, 6.0]]), np.array([[0, 1], [1, 2]]))
    array([[5., 6.],
           [6., 0.]])
    """
    if places is None:
        return samples
    padded = np.concatenate([samples, np.zeros((len(samples), 1))], axis=1)
    chosen = np.linspace(0, samples.shape[0] * len(places) - 1, min(samples.shape[0] * len(places), MOST_PATCHES))
    sample, place = np.divmod(chosen.astype(np.int64), len(places))
    return padded[sample[:, None], places[place]]


@dataclass(frozen=True)
class Spread:
    """How a row's rounding errors are spread over the columns that are not yet rounded: GPTQ's order and factors."""

    order: Integers
    upper: Floats


def spread(inputs: Floats) -> Spread | None:
    """From `inputs` (samples, columns), in the units in which a weight of 1 counts alike; None where all are 0."""
    gram = inputs.T @ inputs / max(len(inputs), 1)
    damping = DAMPING * float(np.mean(np.diag(gram))) if gram.size else 0.0
    if damping == 0:
        return None
    # Columns that carry most are rounded first, while many others can make good for them.
    order = np.argsort(-np.diag(gram), kind="stable")
    gram = gram[np.ix_(order, order)] + damping * np.eye(len(gram))
    return Spread(order, np.linalg.cholesky(np.linalg.inv(gram)).T.astype(np.float64))


def calibrated(matrix: Floats, how: Spread | None, high: int) -> Integers:
    """Round each row so that its product with the inputs that `how` was made from changes least.

    `matrix` is in units of the grid; column by column, the error is spread over the columns not yet rounded.
    """
    if how is None:
        return nearest(matrix, high)
    rest = matrix[:, how.order].copy()
    rounded = np.zeros(rest.shape, np.int64)
    for j in range(rest.shape[1]):
        rounded[:, j] = nearest(rest[:, j], high)
        error = (rest[:, j] - rounded[:, j]) / how.upper[j, j]
        rest[:, j:] -= error[:, None] * how.upper[None, j, j:]
    result = np.zeros_like(rounded)
    result[:, how.order] = rounded
    return result
