"""Matrices in integers: 8-bit weights on a grid of each source's own, or pairs of them, and messages alike."""

from __future__ import annotations

from functools import partial

import numpy as np

from compiler.graph.lowered import Exact
from compiler.graph.matrix import column_sizes, matrix_product, places_of
from compiler.graph.ops import Add, And, MatVec, Shift, Sub
from compiler.quantize.fractions import MOST_LOW_BITS
from compiler.quantize.integer_builder import IntegerBuilder
from compiler.quantize.limits import source_exponents
from compiler.quantize.matrices import Rounding, is_calibrated, over_calibration, patches, round_to_nearest
from compiler.ranges.observed import Observed
from hw_models.arrays import Floats, Integers

LOW_WEIGHT_BITS = 8
"""How much further down a split weight's second matrix stands, at most; its weights then reach +-2^7."""


def lower_mat_vec(build: IntegerBuilder, op: MatVec, observed: Observed) -> str:
    """`op` in integers; its result has the fraction that `build.wanted` gives it."""
    here = build.precision.at(op.out)
    fraction = build.wanted[op.out]
    sizes, at = column_sizes(build.source, op), places_of(build.source, op)
    shifts = source_exponents(build.source, op, here)
    real = Exact(build.source.constants[op.matrix], np.repeat(2.0 ** (here.first_weight + np.array(shifts)), sizes))
    exact = real.values
    to_nearest: Rounding = partial(round_to_nearest, high=build.chip.weight_high)
    rounded = to_nearest
    if is_calibrated(here, exact.shape[1]):
        # Inputs in the same units as the weights: what a column's weight of 1 adds to the result.
        inputs = patches(observed.samples(op.sources), at) / np.repeat(2.0 ** np.array(shifts), sizes)
        rounded = over_calibration(inputs, build.chip.weight_high)
    # A second matrix takes up what the nearest weight leaves, and no more than that.
    weights = (to_nearest if here.split_weights else rounded)(exact)
    wanted = [fraction - here.first_weight - e for e in shifts]
    low_bits = _low_bits(build, op, wanted, weights) if here.split_messages else 0
    coarse, fine, both = [], [], []
    for source, f in zip(op.sources, wanted, strict=True):
        upper, lower, undivided = _message(build, source, f, low_bits)
        coarse.append(upper)
        fine.append(lower)
        both.append(undivided)
    whole = None if here.split_weights else real  # of split weights only the second matrix loses anything
    parts = [("", coarse, weights, 0, whole)]
    if here.split_weights:
        low, further = _low_weights(build, op, coarse, exact - weights, rounded)
        parts.append((".low_weights", coarse, low, further, Exact(exact - weights, 2.0**further)))
    if low_bits:
        parts.append((".low_messages", fine, weights, low_bits, whole))
    places = None if op.places is None or at is None else build.constant(op.places, at)
    if len(parts) == 1:
        matrix = build.constant(op.matrix, weights, exact=whole)
        return build.emit(MatVec(op.out, tuple(coarse), matrix, places), fraction, of=op.out)
    build.computed_from(op, *both)
    terms = []
    for suffix, sources, integers, further, before in parts:
        matrix = build.constant(f"{op.matrix}{suffix}", integers, exact=before)
        term = build.emit(MatVec(f"{op.out}.sum{suffix}", tuple(sources), matrix, places), fraction + further)
        terms.append(build.shifted(term, fraction))
    return _total(build, op.out, terms, fraction)


def _low_weights(
    build: IntegerBuilder, op: MatVec, sources: list[str], rest: Floats, rounded: Rounding
) -> tuple[Integers, int]:
    """The second matrix for the `rest` of the weights, and how many bits further down it stands.

    Where a row has many sources, its rests add up to more than its weights do: then it stands higher up.
    """
    spans = [(build.spans[s], build.source.size(of)) for s, of in zip(sources, op.sources, strict=True)]
    reach = np.concatenate([np.broadcast_to(np.maximum(-x.low, x.high), n) for x, n in spans])
    at = places_of(build.source, op)
    for bits in range(LOW_WEIGHT_BITS, 0, -1):
        low = rounded(rest * 2.0**bits)
        if int(matrix_product(np.abs(low), at, reach).max(initial=0)) <= build.chip.word_high:
            return low, bits
    return np.zeros(rest.shape, np.int64), 0


def _low_bits(build: IntegerBuilder, op: MatVec, wanted: list[int], weights: Integers) -> int:
    """How many bits the messages have below their `wanted` fractions, at most MOST_LOW_BITS.

    A row's sum of these bits, each message's up to 2^(bits - 1), stays within a word.
    """
    more = [build.wanted[s] - f for s, f in zip(op.sources, wanted, strict=True) if s in build.wanted]
    largest = int(np.abs(weights).sum(axis=1).max(initial=1))
    room = (build.chip.word_high // max(largest, 1)).bit_length()
    return max(0, min([MOST_LOW_BITS, room, *more]))


def _message(build: IntegerBuilder, source: str, fraction: int, low_bits: int) -> tuple[str, str, str]:
    """The message with `fraction` bits, what `low_bits` more would add to it or take from it, and both in one.

    It is rounded, not floored: a second matrix meets it alone, and half an LSB would add up over a row.
    """
    if not low_bits:
        message = build.at(source, fraction)
        return message, message, message
    whole = build.at(source, fraction + low_bits)
    half = build.number(2 ** (low_bits - 1), fraction + low_bits)
    raised = build.emit(Add(f"{source}.raised", whole, half), fraction + low_bits)
    upper = build.emit(Shift(f"{source}.upper", raised, build.number(-low_bits)), fraction)
    rest = build.emit(And(f"{source}.rest", raised, build.number(2**low_bits - 1)), fraction + low_bits)
    lower = build.emit(Sub(f"{source}.lower", rest, half), fraction + low_bits)
    return upper, lower, whole


def _total(build: IntegerBuilder, out: str, terms: list[str], fraction: int) -> str:
    total = terms[0]
    for term in terms[1:-1]:
        total = build.emit(Add(f"{out}.total", total, term), fraction)
    return build.emit(Add(out, total, terms[-1]), fraction, of=out)
