"""What a table of polynomials reaches: proven by intervals over parts of its segments, for any table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw_models.arrays import Floats, Integers


@dataclass(frozen=True, eq=False)
class Polynomials:
    """The arrays of a `PiecewisePolynomial`.

    knots (segments - 1), origins (segments), coefficients (segments, degree + 1), shifts (segments, degree).
    """

    knots: Integers
    origins: Integers
    coefficients: Integers
    shifts: Integers


@dataclass(frozen=True, eq=False)
class Pieces:
    """Segments: the integers first..last of each, and the origin that is taken from them."""

    first: Integers
    last: Integers
    origins: Integers


@dataclass(frozen=True)
class Reach:
    """What a table reaches: results in low..high, |y| and |t| up to `word`, |y * t| up to `product`."""

    low: int
    high: int
    word: int
    product: int


def reach(table: Polynomials, low: int, high: int) -> Reach:
    """What the table reaches for x in low..high: proven by intervals, each segment cut into parts."""
    first = np.maximum(np.concatenate([[low], table.knots]), low)
    last = np.minimum(np.concatenate([table.knots - 1, [high]]), high)
    alive = first <= last
    pieces = Pieces(first[alive], last[alive], table.origins[alive])
    found = reaches(pieces, table.coefficients[alive], table.shifts[alive], parts_of(table.origins.size))
    return Reach(int(found[0].min()), int(found[1].max()), int(found[2].max()), int(found[3].max()))


def parts_of(segments: int) -> int:
    """Into how many parts or samples a segment is cut: the more, the tighter a proof; fewer of many short ones."""
    return max(8, min(256, 2**16 // segments))


def reaches(
    pieces: Pieces, coefficients: Integers, shifts: Integers, parts: int
) -> tuple[Integers, Integers, Floats, Floats]:
    """Per segment: lowest and highest result, largest |y| or |t|, largest |y * t|, by intervals over its parts."""
    first, last, origins = pieces.first, pieces.last, pieces.origins
    cuts = first[:, None] + (last - first + 1)[:, None] * np.arange(parts + 1) // parts
    t_low = cuts[:, :-1] - origins[:, None]
    t_high = np.maximum(cuts[:, 1:] - 1 - origins[:, None], t_low)
    t_most = np.maximum(np.abs(t_low), np.abs(t_high)).astype(np.float64)
    low = high = np.broadcast_to(coefficients[:, -1, None], t_low.shape)
    word, product = np.maximum(t_most, np.abs(low)), np.zeros(t_most.shape)
    for j in reversed(range(shifts.shape[1])):
        # In float64 and rounded up, as an integer product of a table that is not proven yet may wrap.
        product = np.maximum(product, np.maximum(np.abs(low), np.abs(high)) * t_most)
        corners = np.stack([low * t_low, low * t_high, high * t_low, high * t_high]) >> shifts[:, j, None]
        low, high = corners.min(axis=0) + coefficients[:, j, None], corners.max(axis=0) + coefficients[:, j, None]
        word = np.maximum(word, np.maximum(np.abs(low), np.abs(high)))
    return low.min(axis=1), high.max(axis=1), word.max(axis=1), product.max(axis=1)
