"""Where the segments of a piecewise polynomial begin, and which degree each needs, for an equal error in all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from hw_models.arrays import Floats, Integers
from hw_models.errors import QuantizeError

Real = Callable[[Floats], Floats]
_PARTS = np.arange(1, 25, dtype=np.float64)
"""Of 24 parts of the way to an end, where each ends: what one step of the search looks at"""


@dataclass(frozen=True)
class Curve:
    """A function over the integers low..high, and the widths in which a table is to compute it.

    With `flat_below` or `flat_above` the outermost segment is a constant, the function's value at its end.
    """

    real: Real
    """a formula over float64 arrays, of real arguments"""
    low: int
    high: int
    in_fraction: int
    """fraction bits of the argument"""
    out_fraction: int
    """fraction bits of the result"""
    word_bits: int
    product_bits: int
    flat_below: bool = False
    flat_above: bool = False

    def at(self, x: Floats) -> Floats:
        """The function at the integers `x`."""
        return self.real(x * 2.0**-self.in_fraction)


def place_knots(curve: Curve, segments: int, degree: int) -> tuple[Integers, Integers]:
    """Edges (segments + 1) from low to high + 1 for the smallest common error; the degree of each."""
    real, low, stop = curve.at, curve.low, curve.high + 1
    least = 2.0 ** -(curve.out_fraction + 3)  # a finer fit would drown in the rounding of the result

    def tail(start: int, end: int, error: float) -> int:
        return _reach(lambda ends: _departures(real, start, ends), start, end, error)

    def greedy(error: float) -> list[int] | None:
        edges = [low, tail(low, stop, error)] if curve.flat_below else [low]
        end = tail(stop, edges[-1], error) if curve.flat_above and edges[-1] < stop else stop
        while edges[-1] < end and len(edges) <= segments:
            start = edges[-1]
            edges.append(_reach(lambda ends, start=start: _errors(real, start, ends, degree), start, end, error))
        whole = edges if end == stop else [*edges, stop]
        return whole if edges[-1] == end and len(whole) <= segments + 1 else None

    span = value_range(curve)
    bad = np.log2(least)  # the logarithm of an error that is too small, and `good` of one that can be kept
    good = np.log2(span + least) + 4
    if (found := greedy(least)) is not None:
        good = bad
    while good - bad > 0.02:
        middle = (bad + good) / 2
        if (edges := greedy(2.0**middle)) is None:
            bad = middle
        else:
            good, found = middle, edges
    edges = np.array(found or greedy(2.0**good) or [], np.int64)
    if not edges.size:
        raise QuantizeError(
            "a function has no smooth fit over its range", numbers=argument_range(curve), advice=NARROWER
        )
    orders = [_lowest_degree(real, start, end, degree, 2.0**good) for start, end in pairwise(edges.tolist())]
    return edges, np.array(orders, np.int64)


NARROWER = "Keep its argument within a narrower range, for example with torch.clamp, or scale it to about 1."


def value_range(curve: Curve) -> float:
    """By how much its values differ. Raises `QuantizeError` where one is not finite."""
    with np.errstate(all="ignore"):
        span = float(np.ptp(curve.at(np.linspace(curve.low, curve.high + 1, 257))))
    if not np.isfinite(span):
        raise QuantizeError("a function is not finite over its range", numbers=argument_range(curve), advice=NARROWER)
    return span


def argument_range(curve: Curve) -> str:
    """Its arguments, in the user's units."""
    low, high = np.array([curve.low, curve.high]) * 2.0**-curve.in_fraction
    return f"arguments {low:.6g} to {high:.6g}"


def _lowest_degree(real: Real, start: int, end: int, degree: int, error: float) -> int:
    """The lowest degree that keeps within `error`: constants and lines spare the roundings of higher powers."""
    ends = np.array([float(end)])
    return next((d for d in range(degree) if _errors(real, start, ends, d)[0] <= error), degree)


def _reach(errors: Real, start: int, stop: int, error: float) -> int:
    """How far from `start` towards `stop` the `errors` of segments that end there keep within `error`; 1 at least."""
    good, bad = start, stop
    while True:
        tried = (good + _PARTS * ((bad - good) / len(_PARTS))).round()
        ends = tried if abs(bad - good) >= len(tried) else tried[tried != np.append(good, tried[:-1])]
        if not ends.size:
            return good
        kept = errors(ends) <= error
        failed = int(kept.argmin())
        if kept[failed]:
            return int(ends[-1])
        good, bad = int(ends[failed - 1]) if failed else good, int(ends[failed])
        if abs(bad - good) <= max(1, abs(good - start) // 256):  # near enough: the error tells them apart by 2 %
            return bad if good == start else good


def _errors(real: Real, start: int, ends: Floats, degree: int) -> Floats:
    """The largest error of a near-minimax polynomial from `start` to each of `ends`."""
    nodes, level, basis, both = reference(degree)
    found = real(start + (ends - start)[:, None] / 2 * both)
    at_nodes, at_checks = found[:, : nodes.size], found[:, nodes.size :]
    return np.maximum.reduce(np.abs(at_checks - at_nodes @ level.T @ basis.T), axis=1)


def _departures(real: Real, start: int, ends: Floats) -> Floats:
    """How far the function gets from its value at `start` on the way to each of `ends`: the error of a tail.

    A tail's constant is what the function tends to, not the middle of what is left: values that rest there, as
    saturated synapses do, have no error that adds up. What bends close to `ends` only, as silu does near 0, is seen at
    any distance from `start`.
    """
    apart = real(start + (ends - start)[:, None] * _ON_THE_WAY) - real(np.array([float(start)]))
    return np.maximum.reduce(np.abs(apart), axis=1)


_ON_THE_WAY = np.append(np.linspace(0, 1, 33), 1 - 2.0 ** -np.arange(6, 25))


@lru_cache(maxsize=16)
def reference(degree: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Chebyshev's extrema; the map from values there to coefficients with a levelled error; the powers of 33 points;
    extrema and points from 0 to 2: of a segment from its start, in halves of its length."""
    nodes = -np.cos(np.pi * np.arange(degree + 2) / (degree + 1))
    alternating = (-1.0) ** np.arange(degree + 2)
    level = np.linalg.inv(np.column_stack([np.vander(nodes, degree + 1, increasing=True), alternating]))[:-1]
    check = np.linspace(-1, 1, 33)
    return nodes, level, np.vander(check, degree + 1, increasing=True), 1 + np.append(nodes, check)
