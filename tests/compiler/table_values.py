"""What a table returns, and how far that is from its function."""

import numpy as np
import numpy.typing as npt

from compiler.quantize.knots import Curve
from compiler.quantize.polynomial import PolynomialTable
from hw_models.arrays import Integers

SAMPLES = 2**17


def evaluate(table: PolynomialTable, x: npt.ArrayLike) -> Integers:
    """The integer results for the integers `x`, as docs/integer-semantics.md defines them."""
    x = np.asarray(x, np.int64)
    k = np.searchsorted(table.knots, x, side="right")
    t = x - table.origins[k]
    y = table.coefficients[k, -1]
    for j in reversed(range(table.shifts.shape[1])):
        y = ((y * t) >> table.shifts[k, j]) + table.coefficients[k, j]
    return y


def table_error(table: PolynomialTable, curve: Curve) -> float:
    """In real units, roundings included: over all integers of the domain, or about `SAMPLES` evenly spaced ones."""
    end = curve.high + 1
    x = np.arange(curve.low, end, (end - curve.low) // SAMPLES | 1)
    return float(np.abs(evaluate(table, x) * 2.0**-curve.out_fraction - curve.at(x.astype(np.float64))).max())
