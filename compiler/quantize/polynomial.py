"""Tables of `PiecewisePolynomial`: fitted to a real function over integers, and proven to stay in the chip's widths.

`fit_segments` places few segments where they are needed (chips that search a tree), `uniform_lines` takes many equal
ones (chips that look a table up), `steps` is a table of constants. The proof is `compiler.ranges.polynomial_reach`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import comb

import numpy as np

from compiler.quantize.knots import NARROWER, Curve, argument_range, place_knots, reference, value_range
from compiler.quantize.limits import WordError
from compiler.ranges.polynomial_reach import Pieces, Polynomials, parts_of, reaches
from hw_models.arrays import Floats, Integers
from hw_models.errors import QuantizeError

EXACT = 2.0**52
"""Coefficients stay below it: they are computed in float64."""


@dataclass(frozen=True, eq=False)
class PolynomialTable(Polynomials):
    """The arrays of a `PiecewisePolynomial`, and what is known of it.

    The argument's integers have `in_fraction` fraction bits, the result's `out_fraction`. Over the domain
    that the table was made for the result lies in low..high (proven).
    """

    in_fraction: int
    out_fraction: int
    low: int
    high: int

    @property
    def segments(self) -> int:
        """How many segments it has."""
        return self.origins.size


def steps(thresholds: Sequence[int], results: Sequence[int]) -> PolynomialTable:
    """A table of constants: results[k], k being how many of the rising `thresholds` are <= x.

    Origins are 0, so that t is x. Raises `QuantizeError` where the numbers do not fit together.
    """
    if len(results) != len(thresholds) + 1 or any(a >= b for a, b in pairwise(thresholds)):
        raise QuantizeError("steps need rising thresholds and one result more", numbers=f"{thresholds}, {results}")
    column = np.array(results, np.int64)[:, None]
    zeros = np.zeros((len(results), 0), np.int64)
    knots = np.array(thresholds, np.int64)
    return PolynomialTable(knots, np.zeros(len(results), np.int64), column, zeros, 0, 0, min(results), max(results))


@lru_cache(maxsize=512)
def fit_segments(curve: Curve, segments: int = 8, degree: int = 3) -> PolynomialTable:
    """At most `segments` polynomials for `curve`, their knots placed for equal error.

    Results are kept, so give it a function that lives on. The shifts are the largest that the widths allow, per segment
    and step; what flooring takes away on average is in the coefficients. Raises `QuantizeError` where the result does
    not fit the words.
    """
    edges, orders = place_knots(curve, segments, degree)
    return _table(curve, edges, orders, (curve.flat_below, curve.flat_above and edges.size > 2))


@lru_cache(maxsize=64)
def uniform_lines(curve: Curve, entries: int = 4096) -> PolynomialTable:
    """Lines over equal segments, at most `entries`: what a chip with a table interpolates. Else like `fit_segments`."""
    value_range(curve)
    step = -(-(curve.high - curve.low + 1) // entries)
    edges = np.append(np.arange(curve.low, curve.high + 1, step, dtype=np.int64), curve.high + 1)
    return _table(curve, edges, np.ones(edges.size - 1, np.int64), (False, curve.flat_above))


def _table(curve: Curve, edges: Integers, orders: Integers, tails: tuple[bool, bool]) -> PolynomialTable:
    origins = (edges[:-1] + edges[1:]) // 2
    pieces, out_fraction = Pieces(edges[:-1], edges[1:] - 1, origins), curve.out_fraction
    exact = _real_coefficients(curve, edges, origins, orders)
    for segment, edge, tail in ((0, edges[0], tails[0]), (-1, edges[-1], tails[1])):
        if tail:  # a constant: what the function tends to
            exact[segment] = 0.0
            exact[segment, 0] = curve.at(np.array([float(edge)]))[0]
    word_limit, product_limit = 2.0 ** (curve.word_bits - 1), 2.0**curve.product_bits
    room = np.full(orders.size, product_limit)
    while True:
        if np.abs(exact[:, 0]).max() * 2.0**out_fraction >= word_limit or room.min() < 1:
            raise WordError(
                "a function's result does not fit the chip's words",
                numbers=f"{np.abs(exact[:, 0]).max():.6g} with {out_fraction} fraction bits, {argument_range(curve)}; "
                f"words of {curve.word_bits} bits, products of {curve.product_bits}",
                advice=NARROWER,
            )
        coefficients, shifts = _integers(exact, pieces, room, curve)
        low, high, word, product = reaches(pieces, coefficients, shifts, parts_of(orders.size))
        tight = (product >= product_limit) | (word >= word_limit)
        if not tight.any():
            break
        room = np.where(tight, room / 2, room)
    for array in (knots := edges[1:-1], origins, coefficients, shifts):
        array.flags.writeable = False  # tables are kept and shared
    fractions, ends = (curve.in_fraction, out_fraction), (int(low.min()), int(high.max()))
    return PolynomialTable(knots, origins, coefficients, shifts, *fractions, *ends)


def _real_coefficients(curve: Curve, edges: Integers, origins: Integers, orders: Integers) -> Floats:
    """Near-minimax coefficients (segments, degree + 1) of powers of t = x - origin; segment k has degree orders[k]."""
    exact = np.zeros((orders.size, int(orders.max()) + 1))
    start, half = edges[:-1].astype(np.float64), np.diff(edges) / 2
    for order in np.unique(orders).tolist():
        these = orders == order
        nodes, level, _, _ = reference(order)
        x = start[these, None] + half[these, None] * (1 + nodes)
        in_nodes = curve.at(x) @ level.T  # powers of the distance from the segment's middle, in halves of its length
        shift = (origins[these] - start[these]) / half[these] - 1
        for j in range(order + 1):  # the Taylor shift from the middle to the origin, which is an integer
            for i in range(j, order + 1):
                exact[these, j] += comb(i, j) * in_nodes[:, i] * shift ** (i - j)
            exact[these, j] /= half[these] ** j
    return exact


def _integers(exact: Floats, pieces: Pieces, room: Floats, curve: Curve) -> tuple[Integers, Integers]:
    """Integer coefficients and shifts: y of each step as large as words, and products within `room`, allow."""
    degree = exact.shape[1] - 1
    t = _spread(pieces.first, pieces.last) - pieces.origins[:, None]
    partial = [exact[:, degree, None] + 0.0 * t]  # the values of y in real units, from the last step to the first
    for j in reversed(range(degree)):
        partial.append(partial[-1] * t + exact[:, j, None])
    longest = np.maximum(np.abs(t).max(axis=1), 1)
    limit = np.minimum(np.minimum(room / longest, 2.0 ** (curve.word_bits - 1)), EXACT) * 0.999 - 2
    fractions = np.full((degree + 1, exact.shape[0]), curve.out_fraction)
    for j in range(degree):
        largest = np.abs(partial[degree - j - 1]).max(axis=1)
        with np.errstate(divide="ignore"):
            bits = np.floor(np.log2(np.maximum(limit, 1)) - np.log2(largest))
        bits[largest == 0] = fractions[j][largest == 0]
        fractions[j + 1] = np.clip(bits, fractions[j], fractions[j] + curve.product_bits)
    shifts = np.diff(fractions, axis=0).T.astype(np.int64)
    coefficients = np.zeros(exact.shape, np.int64)
    y = np.zeros(t.shape, np.int64)
    for j in reversed(range(degree + 1)):
        floored = (y * t) >> shifts[:, j, None] if j < degree else y
        wanted = partial[degree - j] * 2.0 ** fractions[j][:, None]
        coefficients[:, j] = np.round((wanted - floored).mean(axis=1))  # the mean holds what flooring takes away
        y = floored + coefficients[:, j, None]
    return coefficients, shifts


def _spread(first: Integers, last: Integers) -> Integers:
    """Integers of each segment, evenly spaced, both ends with them."""
    part = np.linspace(0, 1, min(parts_of(first.size) + 1, int((last - first).max()) + 2))
    return np.rint(first[:, None] + (last - first)[:, None] * part).astype(np.int64)
