"""Products in the chip's words: with a parameter, and of two values."""

from __future__ import annotations

import numpy as np

from compiler.graph.ops import Add, And, Mul, MulShift, Shift, Sub
from compiler.quantize.bounds import negates
from compiler.quantize.builder import Builder
from compiler.quantize.fractions import operand_limit

MAX_SHIFT = 30
"""The longest shift that a multiply-shift makes; a smaller parameter has fewer digits."""


def lower_mul(build: Builder, op: Mul) -> str:
    """`op` in integers; its result has the fraction that `build.wanted` gives it."""
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
        narrow = _narrowed(build, build.at(op.a, build.wanted[op.a]), _narrow_limit(build))
        wide = build.read(op.b)
    return product(build, op.out, narrow, wide, build.wanted[op.out], 0, of=op.out)


def _narrow_limit(build: Builder) -> int:
    """The largest factor whose product with the low half of a word fits."""
    return (2**build.chip.product_bits - 1) // (2 ** (build.chip.word_bits // 2) - 1)


def _narrowed(build: Builder, name: str, limit: int) -> str:
    """The value `name` with as many bits taken off as it needs to stay within `limit`."""
    drop = max(0, build.spans[name].magnitude.bit_length() - limit.bit_length())
    if (build.spans[name].magnitude >> drop) + 1 > limit:
        drop += 1
    return build.shifted(name, build.fraction(name) - drop)


def product(build: Builder, out: str, narrow: str, wide: str, fraction: int, exponent: int, of: str | None) -> str:
    """narrow * wide * 2^exponent at `fraction`: one multiply, or two where it would not fit.

    wide = high * 2^k + low, k half a word: (narrow * high >> s - k) + (narrow * low >> s).
    """
    shift = build.fraction(narrow) + build.fraction(wide) - exponent - fraction
    if build.spans[narrow].magnitude * build.spans[wide].magnitude < 2**build.chip.product_bits and shift >= 0:
        return build.emit(MulShift(out, narrow, wide, build.constant(f"{shift}", np.array([shift]))), fraction, of=of)
    k = build.chip.word_bits // 2
    kept = max(shift, k)
    high = build.emit(Shift(f"{wide}.high", wide, build.number(-k)), build.fraction(wide) - k)
    low = build.emit(And(f"{wide}.low", wide, build.number(2**k - 1)), build.fraction(wide))
    result = fraction - (kept - shift)
    top, rest = (build.constant(f"{s}", np.array([s])) for s in (kept - k, kept))
    upper = build.emit(MulShift(f"{out}.upper", narrow, high, top), result)
    lower = build.emit(MulShift(f"{out}.lower", narrow, low, rest), result)
    if kept == shift:
        return build.emit(Add(out, upper, lower), result, of=of)
    total = build.emit(Add(f"{out}.sum", upper, lower), result)
    return build.emit(Shift(out, total, build.number(kept - shift)), fraction, of=of)


def _with_parameter(build: Builder, op: Mul, value: str, constant: str) -> str:
    """Each element's parameter has its own exponent: as many digits for the small as for the large ones."""
    here = build.precision.at(op.out)
    exact = build.source.constants[constant].astype(np.float64)
    limit = int(operand_limit(here, exact))
    # A little above the limit costs a little of the parameter's last digit, and no bit of the value.
    x = _narrowed(build, build.read(value), limit + limit // 256)
    fraction = build.wanted[op.out]
    reach = np.maximum(np.abs(build.spans[x].low), np.abs(build.spans[x].high))
    room = 2**build.chip.product_bits // np.maximum(reach, 1)
    digits = np.clip(room - 1, 1, 2 ** (here.parameter - 1) - 1)
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log2(digits / np.abs(exact)))
    exponent = np.where(exact == 0, 0, exponent)
    shift = np.clip(build.fraction(x) + exponent - fraction, 0, MAX_SHIFT)
    exponent = shift - build.fraction(x) + fraction
    integers = np.floor(exact * 2.0**exponent + 0.5).astype(np.int64)
    shifts = shift.astype(np.int64)
    same = shifts[:1] if np.all(shifts == shifts[0]) else shifts
    c = build.constant(f"{constant}*", integers)
    return build.emit(MulShift(op.out, x, c, build.constant(f"{constant}>>", same)), fraction, of=op.out)
