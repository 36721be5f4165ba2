"""Piecewise linear functions as sums of hinges relu(x - knot): where the knots lie, and the values there.

Outside its knots a function is flat: whatever arrives, its value stays between the smallest and largest, which is
what makes sums of hinges provable. Knots are placed for an equal error in all segments (the step goes with
1 / sqrt|f''|); the values are those of least squares.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hw_models.arrays import Floats

POINTS = 2048
"""of the grid on which a function is looked at"""
LOOKS = 3
"""at a grid that is finer where the function bends"""
FLAT = 1e-3
"""A function whose slope at an end is below this share of its steepest has a tail there."""


def fit_knots(
    real: Callable[[Floats], Floats], low: float, high: float, count: int, relative: bool
) -> tuple[Floats, Floats]:
    """`count` knots in low..high, and the values there, for the least error, or the least relative one.

    >>> knots, values = fit_knots(np.tanh, -4.0, 4.0, 16, relative=False)
    >>> x = np.linspace(-5, 5, 101)
    >>> bool(np.abs(np.interp(x, knots, values) - np.tanh(x)).max() < 4e-3)
    True
    """
    x = np.linspace(low, high, POINTS)
    for _ in range(LOOKS):  # a wide interval hides where a function bends: look closer there
        mass = _mass(real, x, relative)
        share = (mass / mass[-1] + (x - low) / (high - low)) / 2
        x = np.interp(np.linspace(0.0, 1.0, POINTS), share, x)
    y, mass = real(x), _mass(real, x, relative)
    slope = np.abs(np.gradient(y, x))
    before, after = (0.5 * float(s < FLAT * slope.max() and not relative) for s in (slope[0], slope[-1]))
    position = (np.arange(count) + before) / (count - 1 + before + after)
    knots = np.interp(position * mass[-1], mass, x).astype(np.float64)
    return knots, _values(real, x, 1.0 / np.abs(y) if relative else np.ones(POINTS), knots)


def _mass(real: Callable[[Floats], Floats], x: Floats, relative: bool) -> Floats:
    """How many knots the function asks for up to each x, but for a factor: the integral of sqrt|f''|."""
    y = real(x)
    bend = np.abs(np.gradient(np.gradient(y, x), x))
    density = np.sqrt(bend / np.abs(y) if relative else bend)
    density += 1e-6 * density.max() + 1e-300
    return np.concatenate([[0.0], np.cumsum(np.diff(x) * (density[1:] + density[:-1]) / 2)])


def _values(real: Callable[[Floats], Floats], x: Floats, weight: Floats, knots: Floats) -> Floats:
    """Values at `knots` whose straight lines are nearest to the function over `x`."""
    segment = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, knots.size - 2)
    share = np.clip((x - knots[segment]) / np.diff(knots)[segment], 0.0, 1.0)
    basis = np.zeros((x.size, knots.size))
    rows = np.arange(x.size)
    basis[rows, segment] = 1.0 - share
    basis[rows, segment + 1] += share
    found = np.linalg.lstsq(basis * weight[:, None], real(x) * weight, rcond=None)[0].astype(np.float64)
    unseen = ~basis.any(axis=0)  # no point lies beside the knot, as where the function is flat to its LSB
    return np.where(unseen, real(knots), found)


def coefficients(knots: Floats, values: Floats) -> Floats:
    """The hinges' factors: values[0] + sum of factor * relu(x - knot) goes through the values and is flat outside.

    >>> coefficients(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 2.0]))
    array([ 2., -2.,  0.])
    """
    slopes = np.diff(values, axis=-1) / np.diff(knots, axis=-1)
    none = np.zeros((*values.shape[:-1], 1))
    return np.diff(np.concatenate([none, slopes, none], axis=-1), axis=-1).astype(np.float64)
