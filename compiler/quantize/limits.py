"""How large an integer may be in a word, in a product, as an argument; and the fraction bits that follow."""

from __future__ import annotations

import math

import numpy as np

from compiler.functions import Function
from compiler.functions.function import Scaling
from compiler.graph.graph import Graph
from compiler.graph.matrix import column_sizes
from compiler.graph.ops import Add, MatVec, Mul, SegmentSum
from compiler.quantize.matrices import exponents
from compiler.quantize.precision import Precision
from compiler.ranges.observed import Interval
from hw_models.arrays import Floats
from hw_models.errors import QuantizeError


class WordError(QuantizeError):
    """An integer value leaves the chip's words; `value` is the float graph's that was being lowered."""

    value: str = ""


def fraction_for(magnitude: float, limit: float) -> int:
    """The most fraction bits with which the integers of +-`magnitude` stay within +-`limit`.

    >>> fraction_for(1.0, 127), fraction_for(1.0, 128), fraction_for(0.0, 128)
    (6, 7, 7)
    """
    if magnitude <= 0:
        return fraction_for(1.0, limit)
    if not math.isfinite(magnitude):
        raise QuantizeError(
            "a value has no bound: its proven interval is infinite",
            advice="Keep the arguments of exp and of divisions within limits, for example with torch.clamp.",
        )
    return math.floor(math.log2(limit) - math.log2(magnitude))


def word_limit(precision: Precision) -> float:
    """The largest integer of a word, less a little for the roundings on the way to it."""
    return 2 ** (precision.word - 1) / 1.001


def operand_limit(precision: Precision, parameter: Floats | None = None) -> float:
    """The largest integer that a product with a parameter may take: its magnitude times the parameter's fits.

    A `parameter` of few significant bits leaves its operand as many more.

    >>> operand_limit(Precision()) == 2**16, operand_limit(Precision(), np.array([0.5, -3.0])) == 2**29
    (True, True)
    """
    bits = precision.parameter - 1
    spare = 0 if parameter is None else max(0, bits - significant_bits(parameter, bits))
    return 2 ** (precision.operand - 1 + spare)


def significant_bits(parameter: Floats, most: int) -> int:
    """How many significant bits hold every element; `most` where that is not enough.

    >>> significant_bits(np.array([0.375, 1.0, -8.0]), 15), significant_bits(np.array([0.1]), 15)
    (2, 15)
    """
    mantissa, _ = np.frexp(np.asarray(parameter, np.float64))
    for n in range(1, most):
        scaled = np.ldexp(mantissa, n)
        if np.array_equal(scaled, np.round(scaled)):
            return n
    return most


SMALL_ARGUMENT = 1.0
"""Arguments that stay within this, or differ by less, have more fraction bits than others."""
APART = 1 / 64
"""An argument that stays so far from 0 has one sign, also after rounding."""


SQUARE_BITS, SQUARE = 4, 16
"""A square is mostly far smaller than its largest: as an argument it has so many bits more, up to so many in all"""


def argument_fraction(low: float, high: float, precision: Precision, *, square: bool = False) -> int:
    """Fraction bits of an element function's argument within low..high.

    >>> argument_fraction(-8.0, 8.0, Precision()), argument_fraction(0.0, 2.0**-10, Precision())
    (13, 23)
    >>> argument_fraction(1.0, 1.25, Precision()), argument_fraction(0.0, 1.0, Precision(), square=True)
    (15, 16)
    """
    largest = max(abs(low), abs(high))
    size = min(largest, high - low)
    more = 0 if not 0 < size < SMALL_ARGUMENT else -math.ceil(math.log2(size))
    fraction = precision.argument_fraction + more
    if square and largest > 0:
        fraction = max(fraction, min(fraction + SQUARE_BITS, SQUARE - math.ceil(math.log2(largest))))
    return fraction


def is_square(graph: Graph, name: str) -> bool:
    """Whether a value is a square, or a sum of squares, at most scaled and shifted by constants."""
    while True:
        op = graph.makers.get(name)
        if isinstance(op, Mul) and op.a == op.b:
            return True
        if isinstance(op, SegmentSum):
            name = op.x
        elif isinstance(op, (Add, Mul)) and op.b in graph.constants:
            name = op.a
        else:
            return False


def one_sided(low: float, high: float) -> bool:
    """Whether what lies in low ... high has one sign: then a sigmoid is fitted where it is used, not by its half."""
    return low > APART or high < -APART


def factor_limit(precision: Precision) -> float:
    """The same for the narrow one in a product of two values, whose other one is split: see product.py."""
    return 2 ** (precision.operand + 2 if precision.wide_products else precision.operand - 1)


def source_exponents(graph: Graph, op: MatVec, precision: Precision) -> list[int]:
    """How far each source's weights are shifted up: see `matrices.exponents`."""
    return exponents(graph.constants[op.matrix], column_sizes(graph, op), 1.0 - 2.0**-precision.first_weight)


FEW = 6
"""Octaves over which a polynomial does by itself"""


def spans_octaves(function: Function, argument: Interval) -> bool:
    """Whether the function follows from a few octaves of its argument, and the argument spans more."""
    if function.scaling is Scaling.NONE:
        return False
    least = float(np.min(argument.low)) - (function.least or 0.0)
    most = float(np.max(argument.high)) - (function.least or 0.0)
    return most > 0.0 and least < most * 2.0**-FEW
