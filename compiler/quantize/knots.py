"""Where the segments of a piecewise polynomial begin, and which degree each needs, for an equal error in all."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hw_models.errors import QuantizeError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Real = Callable[[Floats], Floats]
Errors = Callable[[Real, int, Floats, int], Floats]


def place(
    real: Real, low: int, stop: int, segments: int, degree: int, flat_below: bool, flat_above: bool, least: float
) -> tuple[Integers, Integers]:
    """Edges (segments + 1) from low to stop for the smallest common error, not under `least`; each one's degree."""

    def greedy(error: float) -> list[int] | None:
        edges = [low, _reach(real, low, stop, 0, error, _departures)] if flat_below else [low]
        end = _reach(real, stop, edges[-1], 0, error, _departures) if flat_above and edges[-1] < stop else stop
        while edges[-1] < end and len(edges) <= segments:
            edges.append(_reach(real, edges[-1], end, degree, error))
        whole = edges if end == stop else [*edges, stop]
        return whole if edges[-1] == end and len(whole) <= segments + 1 else None

    span = np.ptp(real(np.linspace(low, stop, 257)))
    if not np.isfinite(span):
        raise QuantizeError("a function is not finite over its range", numbers=f"integers {low} to {stop - 1}")
    bad = np.log2(least)  # the logarithm of an error that is too small, and `good` of one that can be kept
    good = np.log2(span + least) + 4
    if greedy(least) is not None:
        good = bad
    while good - bad > 0.02:
        middle = (bad + good) / 2
        bad, good = (middle, good) if greedy(2.0**middle) is None else (bad, middle)
    edges = np.array(greedy(2.0**good) or [], np.int64)
    if not edges.size:
        raise QuantizeError("a function has no smooth fit over its range", numbers=f"integers {low} to {stop - 1}")
    orders = [_lowest_degree(real, start, end, degree, 2.0**good) for start, end in pairwise(edges.tolist())]
    return edges, np.array(orders, np.int64)


def _lowest_degree(real: Real, start: int, end: int, degree: int, error: float) -> int:
    """The lowest degree that keeps within `error`: constants and lines spare the roundings of higher powers."""
    ends = np.array([float(end)])
    return next((d for d in range(degree) if _errors(real, start, ends, d)[0] <= error), degree)


def _reach(real: Real, start: int, stop: int, degree: int, error: float, errors: Errors | None = None) -> int:
    """How far from `start` towards `stop` one polynomial keeps within `error`; at least one integer."""
    good, bad = start, stop
    errors = errors or _errors
    while True:
        ends = np.unique(np.linspace(good, bad, 25).round())
        ends = ends[ends != good] if bad > good else ends[ends != good][::-1]
        if not ends.size:
            return good
        failed = np.flatnonzero(~(errors(real, start, ends, degree) <= error))
        if not failed.size:
            return int(ends[-1])
        good, bad = int(ends[failed[0] - 1]) if failed[0] else good, int(ends[failed[0]])
        if abs(bad - good) <= max(1, abs(good - start) // 256):  # near enough: the error tells them apart by 2 %
            return bad if good == start else good


def _errors(real: Real, start: int, ends: Floats, degree: int) -> Floats:
    """The largest error of a near-minimax polynomial from `start` to each of `ends`."""
    nodes, level, check, basis = reference(degree)
    half = (ends - start)[:, None] / 2
    at_nodes, at_checks = real(start + half * (1 + nodes)), real(start + half * (1 + check))
    return np.abs(at_checks - at_nodes @ level.T @ basis.T).max(axis=1)


def _departures(real: Real, start: int, ends: Floats, degree: int) -> Floats:
    """How far the function gets from its value at `start` on the way to each of `ends`: the error of a tail.

    A tail's constant is what the function tends to, not the middle of what is left: values that rest there, as
    saturated synapses do, have no error that adds up.
    """
    check = np.linspace(0, 1, 33)
    return np.abs(real(start + (ends - start)[:, None] * check) - real(np.array([float(start)]))).max(axis=1)


@lru_cache(maxsize=16)
def reference(degree: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Chebyshev's extrema; the map from values there to coefficients with a levelled error; 33 points, their powers."""
    nodes = -np.cos(np.pi * np.arange(degree + 2) / (degree + 1))
    alternating = (-1.0) ** np.arange(degree + 2)
    level = np.linalg.inv(np.column_stack([np.vander(nodes, degree + 1, increasing=True), alternating]))[:-1]
    check = np.linspace(-1, 1, 33)
    return nodes, level, check, np.vander(check, degree + 1, increasing=True)
