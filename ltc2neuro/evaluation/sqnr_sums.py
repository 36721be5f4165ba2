"""What the SQNR of a vector is computed from, channel by channel, as it adds up over sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import add

import numpy as np

from hw_models.arrays import Floats
from ltc2neuro.evaluation.exact_sums import MOST, exact_products, exact_sums, fraction
from ltc2neuro.metrics import Measured, decibels, units


@dataclass(frozen=True)
class Level:
    """Sums over the samples of all sequences; tuples have an element for each channel."""

    count: int
    """samples"""
    values: tuple[int, ...]
    """the sum of the exact values, as `exact_sums` has them"""
    squares: tuple[int, ...]
    """of their squares"""
    noise: tuple[int, ...]
    """of the squares of the errors"""
    largest: tuple[float, ...]
    """of the exact values, without sign"""
    size: tuple[float, ...]
    """of the largest error"""
    lost: tuple[int, ...]
    """values that are no numbers, or too large to be squared: they are in no sum"""

    def joined(self, other: Level) -> Level:
        """Both together."""
        totals = (
            tuple(map(add, *pair))
            for pair in zip(self._sums, other._sums, strict=True)
        )  # fmt: skip
        values, squares, noise, lost = totals
        largest, size = tuple(map(max, self.largest, other.largest)), tuple(map(max, self.size, other.size))
        return Level(self.count + other.count, values, squares, noise, largest, size, lost)

    @property
    def _sums(self) -> tuple[tuple[int, ...], ...]:
        return self.values, self.squares, self.noise, self.lost

    def decibels(self) -> Floats:
        """SQNR of each channel, as `metrics.channel_sqnr` says; of one that is lost it is -infinity."""
        largest, size = np.array(self.largest), np.array(self.size)
        whole = range(len(largest))
        unit, count = units(largest), [max(1, self.count - lost) for lost in self.lost]
        means = [fraction(self.values[i]) / count[i] for i in whole]
        spread = [fraction(self.squares[i]) / count[i] - means[i] ** 2 for i in whole]
        mean = [float(means[i] / Fraction(unit[i])) for i in whole]
        varies = [float(spread[i] / Fraction(unit[i]) ** 2) for i in whole]
        noise = [float(fraction(self.noise[i]) / count[i] / Fraction(size[i] or 1.0) ** 2) for i in whole]
        place = float(np.finfo(np.float64).eps)
        found = decibels(Measured(largest, np.array(mean), np.array(varies), size, np.array(noise)), place)
        return np.where(np.array(self.lost) > 0, -np.inf, found)


def level_of_sequences(exact: Sequence[Floats], integer: Sequence[Floats]) -> Level:
    """That of sequences (samples, channels): what the float network says, and what the integers do."""
    x, y = (np.concatenate(side).astype(np.float64) for side in (exact, integer))
    with np.errstate(over="ignore", invalid="ignore"):
        error = y - x
        sound = (np.abs(x) < MOST) & (np.abs(error) < MOST)
    x, error = np.where(sound, x, 0.0), np.where(sound, error, 0.0)
    high, low = exact_products(x, x)
    values, highs, lows, noise = (exact_sums(a) for a in (x, high, low, np.square(error)))
    largest, size = (tuple(np.max(np.abs(a), axis=0, initial=0.0).tolist()) for a in (x, error))
    lost = tuple(np.count_nonzero(~sound, axis=0).tolist())
    return Level(len(x), values, tuple(map(add, highs, lows)), noise, largest, size, lost)
