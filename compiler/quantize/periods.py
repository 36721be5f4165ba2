"""Periodic functions of arguments that span many periods: the multiple of the period is taken off first.

It is looked up in a table of constants, rounded to the argument's LSB each, so that no error grows with the argument.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.functions import Function, Symmetry
from compiler.graph.ops import Shift, Sub
from compiler.quantize.integer_builder import IntegerBuilder
from compiler.quantize.polynomial import steps
from compiler.quantize.quotient import emit_table
from hw_models.errors import QuantizeError

ENTRIES = 32
"""of a table of multiples; where there are more, their multiples are taken off before"""
COARSEST = 16
"""LSB in a period, at least"""


def within_period(build: IntegerBuilder, name: str, x: str, function: Function) -> str:
    """The integers `x` less the multiples of the function's period: around 0, or from 0 on."""
    # A multiple, and the difference from it, which intervals do not see to be small, are to fit words.
    reach = 2 * build.spans[x].magnitude + int(np.ceil((function.period or 1.0) * 2.0 ** build.fraction(x)))
    drop = reach.bit_length() - build.chip.word_high.bit_length()
    x = build.shifted(x, build.fraction(x) - drop) if drop > 0 else x
    period = (function.period or 1.0) * 2.0 ** build.fraction(x)
    start = 0.0 if function.symmetry is Symmetry.NONE else -period / 2
    if period < COARSEST:
        raise QuantizeError(
            "a periodic function's argument is too large for its period",
            where=build.where(name),
            numbers=f"a period has {period:g} LSB of its argument, {COARSEST} are needed",
            advice="Reduce it modulo the period before the network, where the argument follows from the input alone.",
        )
    multiple = ENTRIES ** max(0, int(np.ceil(np.log(_count(build, x, period, start)) / np.log(ENTRIES))) - 1)
    if multiple > 1 and _farthest(build, x, multiple * period, start) > build.chip.word_high:
        x = build.shifted(x, build.fraction(x) - 1)
        period, start = period / 2, start / 2
    while multiple >= 1:
        length = multiple * period
        low, high = (int(np.floor((end - start) / length)) for end in (build.spans[x].least, build.spans[x].most))
        if (low, high) != (0, 0):
            each = range(low, high + 1)
            thresholds = [int(np.ceil(start + k * length)) for k in each[1:]]
            table = replace(steps(thresholds, [round(k * length) for k in each]), out_fraction=build.fraction(x))
            off = emit_table(build, f"{name}.multiple", x, table)
            rest = build.emit(Sub(f"{name}.rest", x, off), build.fraction(x))
            ends = int(np.floor(start)) - 1, int(np.ceil(start + length)) + 1  # intervals do not see it
            x = build.emit(Shift(f"{name}.within", rest, build.number(0)), build.fraction(x), ends)
        multiple //= ENTRIES
    return x


def _farthest(build: IntegerBuilder, x: str, length: float, start: float) -> int:
    """How far intervals see the argument from a multiple of `length`."""
    low, high = build.spans[x].least, build.spans[x].most
    first, last = (round(np.floor((end - start) / length) * length) for end in (low, high))
    return max(last - low, high - first)


def _count(build: IntegerBuilder, x: str, period: float, start: float) -> int:
    """How many periods the argument spans."""
    span = build.spans[x]
    return int(np.floor((span.most - start) / period) - np.floor((span.least - start) / period)) + 1
