"""Functions of arguments that span many octaves: the argument is brought into the uppermost ones by a shift.

A variance may be anything between the eps that is added to it and the largest one, and its root is to be precise all
over: a polynomial over all of it, of an argument with 13 fraction bits, is not. As with quotients, the octave is found
by compares, and a polynomial does the rest.
"""

from __future__ import annotations

import math

import numpy as np

from compiler.functions import Function
from compiler.functions.function import Scaling
from compiler.graph.ops import Add, Apply, Compare, MulShift, Relation, Select, Shift, Sub
from compiler.quantize.integer_builder import IntegerBuilder
from compiler.quantize.knots import Curve, Real
from compiler.quantize.polynomial import PolynomialTable, fit_segments, steps, uniform_lines
from compiler.quantize.quotient import emit_table
from hw_models.arrays import Floats

BITS = 16
"""of an argument in the uppermost octaves"""
BITS_OF_TABLES = 24
"""the same on a chip that looks tables up"""


def lower_over_octaves(build: IntegerBuilder, op: Apply, function: Function, x: str) -> str:
    """`op` of the integers `x`, none of which is below where the function is defined."""
    stride = 2 if function.scaling is Scaling.ROOT else 1
    if function.least:
        if build.spans[x].most - function.least * 2.0 ** build.fraction(x) > build.chip.word_high:
            x = build.shifted(x, build.fraction(x) - 1)
        origin = build.number(round(function.least * 2.0 ** build.fraction(x)), build.fraction(x))
        x = build.emit(Sub(f"{op.out}.above", x, origin), build.fraction(x))
    span, fraction = build.spans[x], build.wanted[op.out]
    top = max((span.most - 1).bit_length(), stride)
    top += (top - build.fraction(x)) % stride  # so that the shift goes through the root
    strides = (top - (max(span.least, 1) - 1).bit_length()) // stride
    thresholds = [2 ** (top - stride * k) + 1 for k in range(strides, 0, -1)]
    up = emit_table(build, f"{op.out}.octave", x, steps(thresholds, list(range(-strides, 1))))
    bits = BITS_OF_TABLES if build.chip.table else BITS
    twice = build.emit(Add(f"{op.out}.octaves", up, up), 0) if stride == 2 else up
    amount = build.emit(Sub(f"{op.out}.amount", build.number(bits - top), twice), 0)
    normal = build.emit(Shift(f"{op.out}.normal", x, amount), bits, (0, 2**bits))
    octaves = top - build.fraction(x)
    if function.scaling is Scaling.LOGARITHM:
        upper = emit_table(build, f"{op.out}.upper", normal, _table(build, op, _log, fraction))
        count = build.emit(Sub(f"{op.out}.count", up, build.number(-octaves)), 0)
        two = build.constant(f"{op.out}.log2", np.array([round(math.log(2.0) * 2.0**fraction)]))
        lower = build.emit(MulShift(f"{op.out}.lower", count, two, build.number(0)), fraction)
        return build.emit(Add(op.out, upper, lower), fraction, of=op.out)
    finest = build.chip.word_bits - 2  # a word holds 1
    finer = max(0, fraction + octaves // 2 - finest)
    upper = emit_table(build, f"{op.out}.upper", normal, _table(build, op, _root, fraction + octaves // 2 - finer))
    limits = 0, min(build.spans[upper].most << finer, build.chip.word_high)
    up = build.emit(Add(f"{op.out}.down", up, build.number(finer)), 0) if finer else up
    if span.least > 0:
        return build.emit(Shift(op.out, upper, up), fraction, limits, of=op.out)
    root = build.emit(Shift(f"{op.out}.above", upper, up), fraction, limits)
    zero = build.number(0, build.fraction(x))
    none = build.emit(Compare(f"{op.out}.none", x, zero, Relation.LESS_EQUAL), 0)
    return build.emit(Select(op.out, none, build.number(0, fraction), root), fraction, of=op.out)


def _table(build: IntegerBuilder, op: Apply, real: Real, fraction: int) -> PolynomialTable:
    """A function's table over 0 to 1, with that many fraction bits."""
    here, widths = build.precision.at(op.out), (build.chip.word_bits, build.chip.product_bits)
    if build.chip.table:
        return uniform_lines(Curve(real, 0, 2**BITS_OF_TABLES, BITS_OF_TABLES, fraction, *widths), here.segments)
    return fit_segments(Curve(real, 0, 2**BITS, BITS, fraction, *widths, flat_below=True), here.segments, here.degree)


def _root(x: Floats) -> Floats:
    """Of the uppermost two octaves below 1."""
    return np.sqrt(np.maximum(x, 0.25))


def _log(x: Floats) -> Floats:
    """Of the uppermost octave below 1."""
    return np.log(np.maximum(x, 0.5))
