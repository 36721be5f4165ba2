"""Element functions in integers: a piecewise polynomial of the function's half, and its symmetry around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.functions import FUNCTIONS, Function, Symmetry
from compiler.functions.sawtooth import SAWTOOTH
from compiler.graph.ops import Add, Apply, Compare, Max, Relation, Select, Sub
from compiler.quantize.integer_builder import IntegerBuilder
from compiler.quantize.knots import Curve
from compiler.quantize.limits import argument_fraction, is_square, one_sided, spans_octaves
from compiler.quantize.octaves import lower_over_octaves
from compiler.quantize.periods import within_period
from compiler.quantize.polynomial import PolynomialTable, fit_segments, uniform_lines
from compiler.quantize.quotient import emit_table
from compiler.ranges.observed import Interval
from hw_models.arrays import Floats


def lower_apply(build: IntegerBuilder, op: Apply, within: Interval, floor: Floats | None) -> str:
    """`op` in integers, its argument `within` an interval; the result has the fraction that `build.wanted` gives it.

    `floor` is where the argument is clipped, None where never.
    """
    function = FUNCTIONS[op.function]
    fraction = build.wanted[op.out]
    over_octaves = op.x not in build.source.constants and spans_octaves(function, within)
    x = build.read(op.x) if over_octaves or function is SAWTOOTH else _argument(build, op)
    x = _defined(build, op, function, x) if floor is None else _clipped(build, op, x, float(np.min(floor)))
    build.computed_from(op, x)
    if over_octaves:
        return lower_over_octaves(build, op, function, x)
    if function.period is not None:
        x = within_period(build, op.out, x, function)
        if function is SAWTOOTH:
            return build.renamed(x, fraction, op.out)
    least, most = build.spans[x].least, build.spans[x].most
    lsb = 2.0 ** -build.fraction(x)
    alone = function.symmetry is Symmetry.COMPLEMENT and one_sided(least * lsb, most * lsb)
    if function.symmetry is Symmetry.NONE or alone:
        table = _table(build, op, replace(function, symmetry=Symmetry.NONE), x, least)
        return emit_table(build, op.out, x, table, of=op.out)
    zero = build.number(0, build.fraction(x))
    opposite = build.emit(Sub(f"{op.out}.opposite", zero, x), build.fraction(x))
    if function.symmetry is Symmetry.HINGE:
        # max(-x, 0): right of 0 the half is at its start.
        argument = build.emit(Max(f"{op.out}.argument", opposite, zero), build.fraction(x))
    else:
        argument = build.emit(Max(f"{op.out}.argument", x, opposite), build.fraction(x))
    table = _table(build, op, function, argument, min(build.spans[argument].least, 0))
    if function.symmetry is Symmetry.EVEN:
        return emit_table(build, op.out, argument, table, of=op.out)
    half = emit_table(build, f"{op.out}.half", argument, table)
    if function.symmetry in (Symmetry.RAMP, Symmetry.HINGE):
        ramp = build.shifted(build.emit(Max(f"{op.out}.ramp", x, zero), build.fraction(x)), fraction)
        return build.emit(Add(op.out, ramp, half), fraction, of=op.out)
    one = min(2**fraction, build.chip.word_high)  # with all of a word's fraction bits, 1 is 1 LSB too large
    whole = build.number(one if function.symmetry is Symmetry.COMPLEMENT else 0, fraction)
    mirrored = build.emit(Sub(f"{op.out}.mirrored", whole, half), fraction)
    negative = build.emit(Compare(f"{op.out}.negative", x, zero, Relation.LESS), 0)
    return build.emit(Select(op.out, negative, mirrored, half), fraction, of=op.out)


def _argument(build: IntegerBuilder, op: Apply) -> str:
    """The argument with the fraction bits that the function wants of it."""
    x = build.read(op.x)
    if x in build.source.constants:
        return build.at(op.x, build.precision.at(op.out).argument_fraction)
    lsb, span, square = 2.0 ** -build.fraction(x), build.spans[x], is_square(build.source, op.x)
    wanted = argument_fraction(span.least * lsb, span.most * lsb, build.precision.at(op.out), square=square)
    return build.shifted(x, min(build.wanted.get(op.x, 0), wanted))


def _defined(build: IntegerBuilder, op: Apply, function: Function, x: str) -> str:
    """The argument from where the function is defined on: the format that all channels share may reach below."""
    fraction = build.fraction(x)
    if function.least is None or build.spans[x].least >= (least := round(function.least * 2.0**fraction)):
        return x
    return build.emit(Max(f"{op.out}.argument", x, build.number(least, fraction)), fraction)


def _clipped(build: IntegerBuilder, op: Apply, x: str, floor: float) -> str:
    """The argument of a logarithm from where it is finite on; what is clipped is counted."""
    fraction, span = build.fraction(x), build.spans[x]
    pole = FUNCTIONS[op.function].least or 0.0
    least = max(int(np.floor(floor * 2.0**fraction)), int(np.floor(pole * 2.0**fraction)) + 1)
    if span.least >= least:
        return x
    return build.saturated(x, fraction, (least, max(span.most, least)), f"{op.x}.clipped")


def _table(build: IntegerBuilder, op: Apply, function: Function, x: str, low: int) -> PolynomialTable:
    """The table of a function's half for `x`, an integer value of at least `low`."""
    here, high, fraction = build.precision.at(op.out), build.spans[x].most, build.wanted[op.out]
    flat_below, flat_above = function.limit_below is not None, function.limit is not None
    if build.chip.table:
        tail = function.tail_at(2.0 ** -(fraction + 1))
        cut = high if tail is None else min(high, max(low, int(tail * 2.0 ** build.fraction(x)) + 1))
        flat_below, flat_above, high = False, cut < high, cut
    widths = (build.chip.word_bits, build.chip.product_bits)
    curve = Curve(function.half, low, high, build.fraction(x), fraction, *widths, flat_below, flat_above)
    return uniform_lines(curve, here.segments) if build.chip.table else fit_segments(curve, here.segments, here.degree)
