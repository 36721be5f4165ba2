"""Products in the chip's words: with a parameter, and of two values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compiler.graph.lowered import Exact
from compiler.graph.ops import Add, And, Max, Min, Mul, MulShift, Shift, Sub
from compiler.graph.shapes import MOST_SHIFT
from compiler.quantize.fractions import GUARD_BITS
from compiler.quantize.integer_builder import IntegerBuilder
from compiler.quantize.limits import operand_limit
from compiler.quantize.precision import Precision
from compiler.ranges.integer_spans import Span, exactly
from compiler.ranges.observed import Interval
from compiler.ranges.real_intervals import negates
from hw_models.arrays import Floats, Integers

MAX_SHIFT = 30
"""The longest shift that a multiply-shift makes; a smaller parameter has fewer significant bits."""

NEAR = 4
"""LSB beyond 0 that need no care"""


def lower_mul(build: IntegerBuilder, op: Mul, proven: Interval) -> str:
    """`op` in integers, of the sign that is `proven`; its result has the fraction that `build.wanted` gives it."""
    result = _lowered(build, op)
    span, fraction = build.spans[result], build.fraction(result)
    # The two multiplies of a wide square may miss 0 by an LSB, and their spans alone do not see its sign at all:
    # a function of it, such as exp(-x * x), would be tabulated far beyond 0.
    kind: type[Max] | type[Min] | None = None
    if span.least < -NEAR and proven.low.min(initial=0.0) >= 0:
        kind = Max
    elif span.most > NEAR and proven.high.max(initial=0.0) <= 0:
        kind = Min
    if kind is not None:
        signed = build.emit(kind(f"{op.out}.signed", result, build.number(0, fraction)), fraction)
        build.instead[op.out] = signed
        build.bias[signed] = build.bias[result]
    return result


def _lowered(build: IntegerBuilder, op: Mul) -> str:
    if negates(build.source, op):
        zero = build.number(0, build.wanted[op.out])
        return build.emit(Sub(op.out, zero, build.at(op.a, build.wanted[op.out])), build.wanted[op.out], of=op.out)
    if op.b in build.source.constants:
        return _with_parameter(build, op, op.a, op.b)
    if op.a in build.source.constants:
        return _with_parameter(build, op, op.b, op.a)
    here = build.precision.at(op.out)
    if not here.wide_products:
        narrow, wide = (_narrowed(build, build.read(n), int(operand_limit(here))) for n in (op.a, op.b))
    else:
        narrow, wide = build.at(op.a, build.wanted[op.a]), build.read(op.b)
        bits = _surplus(build, narrow, _narrow_limit(build))
        if bits and here.whole_products and (whole := _with_rest(build, op, narrow, wide, bits)):
            return whole
        narrow = build.shifted(narrow, build.fraction(narrow) - bits)
    return product_at(build, op.out, Factors(narrow, wide), build.wanted[op.out], of=op.out)


def _with_rest(build: IntegerBuilder, op: Mul, narrow: str, wide: str, bits: int) -> str | None:
    """The product with all bits of both factors: the lowest `bits` of the narrow one meet the wide one by themselves.

    What is small of it is summed with guard bits and rounded. None where the result has too many bits for that.
    """
    fraction, wanted, k = build.fraction(narrow), build.wanted[op.out], _half(build)
    shift = fraction - bits + build.fraction(wide) - wanted
    if not k <= shift <= MOST_SHIFT - bits:
        return None
    guard = min(GUARD_BITS, shift - k)
    upper = build.emit(Shift(f"{narrow}.upper", narrow, build.number(-bits)), fraction - bits)
    rest = build.emit(And(f"{narrow}.rest", narrow, build.number(2**bits - 1)), fraction)
    high, low = _halves(build, wide)
    main = _multiplied(build, f"{op.out}.upper", upper, high, wanted)
    lower = _multiplied(build, f"{op.out}.lower", upper, low, wanted + guard)
    more = _multiplied(build, f"{op.out}.rest", rest, wide, wanted + guard)
    small = build.emit(Add(f"{op.out}.small", lower, more), wanted + guard)
    return build.emit(Add(op.out, main, build.shifted(small, wanted)), wanted, of=op.out)


def _halves(build: IntegerBuilder, wide: str) -> tuple[str, str]:
    """What a value is beyond half a word, and the half."""
    k, fraction = _half(build), build.fraction(wide)
    high = build.emit(Shift(f"{wide}.high", wide, build.number(-k)), fraction - k)
    return high, build.emit(And(f"{wide}.low", wide, build.number(2**k - 1)), fraction)


def _multiplied(build: IntegerBuilder, out: str, a: str, b: str, fraction: int) -> str:
    shift = build.number(build.fraction(a) + build.fraction(b) - fraction)
    return build.emit(MulShift(out, a, b, shift), fraction)


def _narrow_limit(build: IntegerBuilder) -> int:
    """The largest factor whose product with the low half of a word fits."""
    return (2**build.chip.product_bits - 1) // (2 ** _half(build) - 1)


def _half(build: IntegerBuilder) -> int:
    """Bits of the lower half of a word. Of the words that precision fills: a chip's may be wider than its products."""
    return build.precision.word // 2


def _narrowed(build: IntegerBuilder, name: str, limit: int) -> str:
    """The value `name` with as many bits taken off as it needs to stay within `limit`."""
    return build.shifted(name, build.fraction(name) - _surplus(build, name, limit))


def _surplus(build: IntegerBuilder, name: str, limit: int) -> int:
    """How many bits `name` has too many to stay within `limit`."""
    drop = max(0, build.spans[name].magnitude.bit_length() - limit.bit_length())
    if (build.spans[name].magnitude >> drop) + 1 > limit:
        drop += 1
    return drop


@dataclass(frozen=True)
class Factors:
    """narrow * wide * 2^exponent, of two integer values."""

    narrow: str
    wide: str
    exponent: int = 0


def product_at(build: IntegerBuilder, out: str, factors: Factors, fraction: int, of: str | None = None) -> str:
    """The product at `fraction`: one multiply, or two where it would not fit.

    wide = high * 2^k + low, k half a word: (narrow * high >> s - k) + (narrow * low >> s).
    """
    narrow, wide = factors.narrow, factors.wide
    shift = build.fraction(narrow) + build.fraction(wide) - factors.exponent - fraction
    if shift > MOST_SHIFT:  # next to nothing is left of the product: less than the LSB of `narrow` goes with these bits
        wide = build.shifted(wide, build.fraction(wide) - (shift - MOST_SHIFT))
        shift = MOST_SHIFT
    if build.spans[narrow].magnitude * build.spans[wide].magnitude < 2**build.chip.product_bits and shift >= 0:
        return build.emit(MulShift(out, narrow, wide, build.constant(f"{shift}", np.array([shift]))), fraction, of=of)
    k = _half(build)
    kept = max(shift, k)
    high, low = _halves(build, wide)
    result = fraction - (kept - shift)
    top, rest = (build.constant(f"{s}", np.array([s])) for s in (kept - k, kept))
    upper = build.emit(MulShift(f"{out}.upper", narrow, high, top), result)
    lower = build.emit(MulShift(f"{out}.lower", narrow, low, rest), result)
    if kept == shift:
        return build.emit(Add(out, upper, lower), result, of=of)
    total = build.emit(Add(f"{out}.sum", upper, lower), result)
    return build.emit(Shift(out, total, build.number(kept - shift)), fraction, of=of)


def _with_parameter(build: IntegerBuilder, op: Mul, value: str, constant: str) -> str:
    """Each element's parameter has its own exponent: as many significant bits for the small as for the large."""
    here = build.precision.at(op.out)
    exact = build.source.constants[constant].astype(np.float64)
    limit = int(operand_limit(here, exact))
    x, fraction = build.read(value), build.wanted[op.out]
    if here.wide_products and (here.whole_products or op.out in build.taken):
        wide = _wide_with_parameter(build, op, x, exact, constant)
        if wide is not None:
            return wide
    # A little above the limit costs a part of the parameter's LSB, and no bit of the value.
    x = _narrowed(build, x, limit + limit // 256)
    fewer = build.fraction(x) - fraction
    integers, shifts = _parameter(build, here, exact, build.spans[x], fewer)
    c = build.constant(f"{constant}*", integers, exact=Exact(exact, np.ldexp(1.0, shifts - fewer)))
    return build.emit(MulShift(op.out, x, c, _shifts(build, constant, shifts)), fraction, of=op.out)


def _wide_with_parameter(build: IntegerBuilder, op: Mul, x: str, exact: Floats, constant: str) -> str | None:
    """The product with all bits of `x`, in halves; None where one multiply does, or the result has fewer bits."""
    here, fraction, k = build.precision.at(op.out), build.wanted[op.out], _half(build)
    if build.spans[x].magnitude < operand_limit(here, exact):
        return None
    if here.whole_products:  # what meets half a word may have as many bits as the product leaves it
        here = replace(here, parameter=build.chip.product_bits - k + 1)
    half = exactly(np.array([2**k]))
    fewer = build.fraction(x) - fraction
    integers, shifts = _parameter(build, here, exact, half, fewer)
    if np.any(shifts < k):
        return None
    high, low = _halves(build, x)
    c = build.constant(f"{constant}*", integers, exact=Exact(exact, np.ldexp(1.0, shifts - fewer)))
    upper = build.emit(MulShift(f"{op.out}.upper", high, c, _shifts(build, constant, shifts - k)), fraction)
    lower = build.emit(MulShift(f"{op.out}.lower", low, c, _shifts(build, constant, shifts)), fraction)
    return build.emit(Add(op.out, upper, lower), fraction, of=op.out)


def _parameter(
    build: IntegerBuilder, precision: Precision, exact: Floats, factor: Span, fewer: int
) -> tuple[Integers, Integers]:
    """The integers of a parameter that meets `factor`, and the shifts of the products that leave `fewer` bits."""
    reach = np.maximum(np.abs(factor.low), np.abs(factor.high))
    room = 2**build.chip.product_bits // np.maximum(reach, 1)
    most = np.clip(room - 1, 1, 2 ** (precision.parameter - 1) - 1)
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log2(most / np.abs(exact)))
    exponent = np.where(exact == 0, 0, exponent)
    shift = np.clip(exponent + fewer, 0, MAX_SHIFT)
    return np.floor(exact * 2.0 ** (shift - fewer) + 0.5).astype(np.int64), shift.astype(np.int64)


def _shifts(build: IntegerBuilder, constant: str, shifts: Integers) -> str:
    """The shifts as a constant: one number where all are the same."""
    return build.constant(f"{constant}>>", shifts[:1] if np.all(shifts == shifts[0]) else shifts)
