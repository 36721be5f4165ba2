"""Task metrics as sums over sequences: which terms are added up, and what the metric is of their sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import add

import numpy as np

from hw_models.arrays import Array, Floats
from ltc2neuro.evaluation.exact_sums import MOST, exact_products, exact_sums, fraction, value
from ltc2neuro.metrics import Metric, batched, correct, errors, measure


@dataclass(frozen=True)
class Score:
    """The sums of a metric's terms over so many rows; those that are lost hold what is no number."""

    count: int
    sums: tuple[int, ...]
    lost: int

    def joined(self, other: Score) -> Score:
        """Both together."""
        return Score(self.count + other.count, tuple(map(add, self.sums, other.sums)), self.lost + other.lost)


def _mean(score: Score) -> float:
    return value(score.sums[0], score.count)


@dataclass(frozen=True)
class Summed:
    """A metric of sums."""

    terms: Callable[[Array, Array], Floats]
    """(rows, terms) of outputs and targets, batched as the model's answer is. Raises `InputError`"""
    value: Callable[[Score], float] = _mean
    """of a score in which nothing is lost"""


def score(metric: str | Metric, outputs: Sequence[Array], targets: Sequence[Array], batch_axis: int = 0) -> Score:
    """The sums over sequences, each in the model's shape. A function of the user's is called with each alone.

    Raises `InputError` where targets do not fit, or the function fails.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if isinstance(metric, str):
            terms = SUMMED[metric].terms(*batched(outputs, targets, batch_axis))
        else:
            each = zip(outputs, targets, strict=True)
            terms = np.array([[measure(metric, [y], [t], batch_axis)] for y, t in each])
        sound = np.all(np.abs(terms) < MOST**2, axis=1)
    return Score(len(terms), exact_sums(terms[sound]), int(np.count_nonzero(~sound)))


def metric_of_sums(metric: str | Metric, found: Score) -> float:
    """The metric of its sums: of a function of the user's the mean. NaN where anything is lost."""
    if found.lost or not found.count:
        return math.nan
    return SUMMED[metric].value(found) if isinstance(metric, str) else _mean(found)


def _column(values: Array) -> Floats:
    return values.astype(np.float64).reshape(-1, 1)


def _moments(outputs: Array, targets: Array) -> Floats:
    """Channel by channel outputs, targets and their products, these in two parts."""
    errors(outputs, targets)
    *_, channels = 1, *outputs.shape
    y, t = (a.astype(np.float64).reshape(-1, channels) for a in (outputs, targets))
    return np.concatenate([y, t, *exact_products(y, y), *exact_products(t, t), *exact_products(y, t)], axis=1)


def _correlation(found: Score) -> float:
    """Pearson's, the mean over channels, as `metrics.correlation`."""
    channels, count = len(found.sums) // 8, found.count
    parts = [[fraction(s) / count for s in found.sums[i::channels]] for i in range(channels)]
    each = []
    for y, t, *halves in parts:
        yy, tt, yt = (a + b for a, b in zip(halves[::2], halves[1::2], strict=True))
        both, spread = yt - y * t, (yy - y * y) * (tt - t * t)
        each.append(math.copysign(math.sqrt(both * both / spread), both) if spread else math.nan)
    return math.fsum(each) / channels


SUMMED: dict[str, Summed] = {
    "accuracy": Summed(lambda y, t: _column(correct(y, t))),
    "mse": Summed(lambda y, t: _column(np.square(errors(y, t)))),
    "mae": Summed(lambda y, t: _column(np.abs(errors(y, t)))),
    "correlation": Summed(_moments, _correlation),
}
"""Those of `metrics.METRICS`"""
