"""Integer weights of a matrix: their grid, and how they are rounded to it.

Every source of a matrix has an exponent of its own, so that a source with small weights uses the synapses'
range too; the product of weight and message has one fraction for all. Rounding is to the nearest, or
calibrated: what one weight is rounded by is made good by the row's other weights, as far as the inputs of
the calibration data go together (Frantar et al., GPTQ, arXiv 2210.17323). A part of the data judges, row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.quantize.precision import Precision
from hw_models.arrays import Floats, Integers

Rounding: TypeAlias = Callable[[Floats], Integers]
"""From weights in units of their grid to integers."""
MOST = 12
"""No source's weights are shifted further: what is so small hardly counts."""
DAMPING = 0.01
"""Share of the mean variance that is added to each input's, as GPTQ does, so that the inverse exists."""
MOST_SPREAD = 2048
"""Columns over which an error is spread."""
BLOCK = 32
"""Columns whose errors reach the columns behind them together: as one product of matrices, that takes far less time."""
MOST_GRAM = 1024
"""Columns up to which all samples are looked at, as a matrix of how the columns go together."""
FEW_BITS = 8
"""Weights of fewer bits are worth being calibrated in wider matrices, too, where that takes many seconds."""
JUDGES = 3
"""One in so many samples of the calibration, the first ones, is held back and judges."""
CONVINCING = 0.95
"""A row is rounded over the calibration where its squared error on those is below this share of that of the nearest
weights: less is what chance does, where there are hardly more samples than columns."""


def exponents(matrix: Floats, sizes: Sequence[int], top: float) -> list[int]:
    """How many bits each source's columns may be shifted left before a magnitude exceeds `top`.

    >>> exponents(np.array([[1.0, 0.2], [0.5, 0.1]]), [1, 1], 1.0)
    [0, 2]
    """
    found = []
    for part in np.split(matrix, np.cumsum(sizes)[:-1], axis=1):
        own = float(np.abs(part).max(initial=0.0))
        found.append(0 if own == 0 else int(np.clip(np.floor(np.log2(top / own) + 1e-9), 0, MOST)))
    return found


def best_exponents(matrix: Floats, sizes: Sequence[int], power: Floats) -> list[int]:
    """How many bits each source's columns are shifted left for the least expected error of all rows.

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


def round_to_nearest(matrix: Floats, high: int) -> Integers:
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
    sample, place = np.divmod(_chosen(samples.shape[0] * len(places), MOST_PATCHES), len(places))
    return padded[sample[:, None], places[place]]


def evenly(samples: Floats, most: int) -> Floats:
    """At most this many of the samples, from the first to the last.

    >>> evenly(np.arange(5.0), 3)
    array([0., 2., 4.])
    """
    return samples if len(samples) <= most else samples[_chosen(len(samples), most)]


def _chosen(count: int, most: int) -> Integers:
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


@dataclass(frozen=True)
class Spread:
    """How a row's rounding errors are spread over the columns that are not yet rounded: GPTQ's order and factors.

    Columns are taken in `parts` of at most `MOST_SPREAD`, for what is known of how they go together grows with the
    square of their number: an error is made good by the other columns of its part.
    """

    parts: tuple[RowOrder, ...]


@dataclass(frozen=True)
class RowOrder:
    """The order in which columns are rounded, and the factors; None where all their inputs are 0."""

    order: Integers
    upper: Floats | None


def input_spread(inputs: Floats) -> Spread:
    """From `inputs` (samples, columns), in the units in which a weight of 1 counts alike."""
    starts = range(0, inputs.shape[1], MOST_SPREAD)
    return Spread(tuple(_part(inputs[:, start : start + MOST_SPREAD], start) for start in starts))


def _part(inputs: Floats, start: int) -> RowOrder:
    gram = inputs.T @ inputs / max(len(inputs), 1)
    damping = DAMPING * float(np.mean(np.diag(gram))) if gram.size else 0.0
    if damping == 0:
        return RowOrder(start + np.arange(inputs.shape[1]), None)
    # Columns that carry most are rounded first, while many others can make good for them.
    order = np.argsort(-np.diag(gram), kind="stable")
    gram = gram[np.ix_(order, order)] + damping * np.eye(len(gram))
    return RowOrder(start + order, np.linalg.cholesky(np.linalg.inv(gram)).T.astype(np.float64))


def is_calibrated(precision: Precision, columns: int) -> bool:
    """Whether the weights of a matrix of so many columns are rounded over the calibration."""
    return precision.calibrated_weights and (columns <= MOST_GRAM or precision.weight < FEW_BITS)


def over_calibration(inputs: Floats, high: int) -> Rounding:
    """Each row `calibrated` on `inputs` (samples, columns), if it errs less on those of them that are held back."""
    judging, learned_from = held_back(inputs)
    how, error = input_spread(learned_from), error_size(judging)

    def rounded(matrix: Floats) -> Integers:
        plain, tried = round_to_nearest(matrix, high), calibrated(matrix, how, high)
        better = convincing(error(tried - matrix), error(plain - matrix))
        return np.where(better[:, None], tried, plain)

    return rounded


def held_back(inputs: Floats) -> tuple[Floats, Floats]:
    """The samples that judge, and those that are learned from.

    >>> [len(part) for part in held_back(np.zeros((7, 2)))]
    [2, 5]
    """
    held = len(inputs) // JUDGES
    return inputs[:held], inputs[held:]


def convincing(tried: Floats, plain: Floats) -> npt.NDArray[np.bool_]:
    """Of which rows what was learned errs less on what judges, by these squared errors, than chance would have it."""
    return tried < CONVINCING * plain


def error_size(inputs: Floats) -> Callable[[Floats], Floats]:
    """What says of each row of wrong weights how large its sums over `inputs` (samples, columns) are, squared.

    >>> error_size(np.array([[1.0, 2.0], [0.0, 1.0]]))(np.array([[1.0, 1.0]]))
    array([10.])
    """
    columns = inputs.shape[1]
    if columns > MOST_GRAM:
        inputs = evenly(inputs, MOST_PATCHES)
        if columns > len(inputs):  # as many numbers as the columns squared would be more than there are samples for
            return lambda wrong: np.sum((wrong @ inputs.T) ** 2, axis=1)
    gram = inputs.T @ inputs
    return lambda wrong: np.sum((wrong @ gram) * wrong, axis=1)


def calibrated(matrix: Floats, how: Spread | None, high: int) -> Integers:
    """Round each row so that its product with the inputs that `how` was made from changes least.

    `matrix` is in units of the grid; column by column, the error is spread over the columns not yet rounded. A weight
    of 0 stays 0: it is no synapse.
    """
    if how is None:
        return round_to_nearest(matrix, high)
    result = np.zeros(matrix.shape, np.int64)
    for part in how.parts:
        result[:, part.order] = _rounded(matrix[:, part.order], part.upper, high)
    return result


def _rounded(rest: Floats, upper: Floats | None, high: int) -> Integers:
    """One part's columns, in its order."""
    if upper is None:
        return round_to_nearest(rest, high)
    rest = np.ascontiguousarray(rest.T)  # a column's weights lie together
    rounded, some = np.zeros(rest.shape, np.int64), rest != 0.0
    for start in range(0, len(rest), BLOCK):
        stop = min(start + BLOCK, len(rest))
        errors = np.zeros((stop - start, rest.shape[1]))
        for j in range(start, stop):
            rounded[j] = round_to_nearest(np.where(some[j], rest[j], 0.0), high)
            errors[j - start] = (rest[j] - rounded[j]) / upper[j, j]
            rest[j + 1 : stop] -= upper[j, j + 1 : stop, None] * errors[j - start]
        rest[stop:] -= upper[start:stop, stop:].T @ errors
    return rounded.T
