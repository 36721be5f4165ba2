"""Quotients on a chip that cannot divide: the octave of the denominator, then a table of reciprocals.

a / d = (a * 2^o) * (1 / (d * 2^o)), o such that d * 2^o lies in one octave. The octave is found by
compares; the reciprocal over one octave is a piecewise polynomial. A chip that divides does so.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from compiler.graph.ops import Add, Div, Divide, PiecewisePolynomial, Rescale, Shift, Sub
from compiler.quantize.integer_builder import IntegerBuilder
from compiler.quantize.knots import Curve
from compiler.quantize.limits import fraction_for, operand_limit, word_limit
from compiler.quantize.polynomial import PolynomialTable, fit_segments, steps
from compiler.quantize.product import Factors, product_at
from compiler.ranges.norms import comes_from_root
from compiler.ranges.observed import Interval

ARGUMENT_BITS = 15
"""The denominator in its octave: 2^14 < d <= 2^15. An error here changes the rate only, not where it ends."""
GUARD_BITS = 6
"""How much further down a quotient is computed before it is rounded, where its word has room."""
RECIPROCAL_FRACTION = 18
"""1 < 1/d <= 2 has 19 bits: the narrow factor of a wide product."""


def lower_div(build: IntegerBuilder, op: Div, quotient: Interval, floor: npt.NDArray[np.float64] | None) -> str:
    """`op` in integers. `quotient` bounds the result; `floor` is where the denominator is clipped, None where never."""
    d = build.at(op.b, build.wanted.get(op.b, build.precision.word - 2))
    least = 1 if floor is None else max(1, int(np.min(floor) * 2.0 ** build.fraction(d)))
    if 2 * build.spans[d].least < least:  # by more than rounding makes it lower
        d = build.saturated(d, build.fraction(d), (least, max(build.spans[d].most, least)), f"{op.b}.clipped")
    if build.chip.divide:
        return _divide(build, op, d, quotient)
    top = (build.spans[d].most - 1).bit_length()
    octaves = top - (build.spans[d].least - 1).bit_length()
    amount, down = build.number(0), build.number(ARGUMENT_BITS - top)
    if octaves:
        amount = emit_table(build, f"{op.out}.octave", d, _octave_table(top, octaves))
        down = build.emit(Sub(f"{op.out}.down", amount, build.number(top - ARGUMENT_BITS)), 0)
    normal = build.emit(Shift(f"{op.out}.normal", d, down), ARGUMENT_BITS, (0, 2**ARGUMENT_BITS))
    here = build.precision.at(op.out)
    widths = (build.chip.word_bits, build.chip.product_bits)
    curve = Curve(_reciprocal, 0, 2**ARGUMENT_BITS, ARGUMENT_BITS, RECIPROCAL_FRACTION, *widths, flat_below=True)
    table = fit_segments(curve, min(here.segments, 8) // 2 + 1, here.degree)
    reciprocal = emit_table(build, f"{op.out}.reciprocal", normal, table)
    exponent = build.fraction(d) - top
    room = fraction_for(quotient.magnitude, word_limit(build.precision.at(op.out)) * 2.0**exponent)
    a = build.at(op.a, min(build.wanted.get(op.a, build.wanted[op.out]), room))
    build.computed_from(op, a, d)
    if not octaves and a in build.constants:  # one number for all elements would give a value of one element
        each = np.broadcast_to(build.constants[a], (build.source.size(op.out),))
        a = build.constant(f"{a}.each", each, build.fraction(a))
    # |a * 2^o| = |quotient| * (d * 2^o) <= |quotient| * 2^-exponent: what exceeds it is a rounding, and is clipped.
    limit = min(int(quotient.magnitude * 2.0 ** (build.fraction(a) - exponent)) + 16, build.chip.word_high)
    scaled = build.emit(Shift(f"{op.out}.numerator", a, amount), build.fraction(a), (-limit, limit))
    return _rounded(build, op, quotient, Factors(reciprocal, scaled, exponent))


def _rounded(build: IntegerBuilder, op: Div, quotient: Interval, factors: Factors) -> str:
    """The product, without the bias of flooring: a quotient is often added to a state, step after step.

    A slow neuron's steps are small: they have room for guard bits, and are rounded half up. Where the word is full,
    what two multiplies floor away on average is added back.
    """
    fraction = build.wanted[op.out]
    # Twice the quotient: the reciprocal is up to 2 and the scaled numerator as large as the quotient.
    natural = fraction_for(2 * quotient.magnitude, word_limit(build.precision.at(op.out)))
    finer = max(fraction, min(fraction + GUARD_BITS, natural))
    raw = product_at(build, f"{op.out}.floored", factors, finer)
    if finer > fraction:
        return build.emit(Rescale(op.out, raw, finer - fraction), fraction, of=op.out)
    lost = int(np.round(-np.mean(build.bias[raw])))
    return build.emit(Add(op.out, raw, build.number(lost, fraction)), fraction, of=op.out)


def _divide(build: IntegerBuilder, op: Div, d: str, quotient: Interval) -> str:
    """Computed coarser where the word does not hold what intervals make of numerator and denominator."""
    limit = int(operand_limit(build.precision.at(op.out)))
    drop = max(0, build.spans[d].most.bit_length() - limit.bit_length())
    d = build.shifted(d, build.fraction(d) - drop)
    if build.spans[d].least < 1:  # what is left of it may be 0
        d = build.saturated(d, build.fraction(d), (1, build.spans[d].most), f"{op.out}.denominator")
    bits = build.wanted.get(op.a, build.wanted[op.out])
    if op.a in build.source.constants:  # the bits that a small quotient wants may be more than a word holds of it
        bits = min(bits, fraction_for(float(np.abs(build.source.constants[op.a]).max()), build.chip.word_high))
    a = build.at(op.a, bits)
    build.computed_from(op, a, d)
    room = min(
        fraction_for(build.spans[a].magnitude, 2.0 ** (build.chip.product_bits - 1)),
        fraction_for(build.spans[a].magnitude / build.spans[d].least, build.chip.word_high),
    )
    shift = min(build.wanted[op.out] - build.fraction(a) + build.fraction(d), room)
    fraction = build.fraction(a) + shift - build.fraction(d)
    finer = build.wanted[op.out] - fraction
    if finer == 0 and not comes_from_root(build.source, op):
        return build.emit(Divide(op.out, a, d, shift), fraction, of=op.out)
    coarse = build.emit(Divide(f"{op.out}.coarse", a, d, shift), fraction)
    # What exceeds the quotient's bounds is a rounding, and is clipped.
    most = min(int(quotient.magnitude * 2.0 ** build.wanted[op.out]) + 2**finer, build.chip.word_high)
    return build.emit(Shift(op.out, coarse, build.number(finer)), build.wanted[op.out], (-most, most), of=op.out)


def emit_table(build: IntegerBuilder, name: str, x: str, table: PolynomialTable, of: str | None = None) -> str:
    """A `PiecewisePolynomial` of the integer value `x`."""
    op = PiecewisePolynomial(
        name,
        x,
        build.constant(f"{name}.knots", table.knots),
        build.constant(f"{name}.origins", table.origins),
        build.constant(f"{name}.coefficients", table.coefficients),
        build.constant(f"{name}.shifts", table.shifts),
    )
    return build.emit(op, table.out_fraction, of=of)


def _octave_table(top: int, octaves: int) -> PolynomialTable:
    """The left shift that brings d into (2^(top-1), 2^top]."""
    return steps([2 ** (top - o) + 1 for o in range(octaves, 0, -1)], list(range(octaves, -1, -1)))


def _reciprocal(d: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 1.0 / np.maximum(d, 0.5)
