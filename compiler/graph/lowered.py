"""Where an integer graph comes from: the float graph it was made of, and what its constants were before rounding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.graph.graph import Graph
from compiler.graph.op import Op
from hw_models.arrays import Array, Floats


@dataclass(frozen=True, eq=False)
class Exact:
    """A constant in LSB, unrounded. `bias` is what it takes back of the mean error of the value that it is added to."""

    source: Array
    scale: Floats | float
    bias: Floats | float = 0.0

    @property
    def values(self) -> Floats:
        """Its elements, without the bias."""
        return self.source * self.scale


@dataclass(frozen=True, eq=False)
class Lowered:
    """What an integer graph was made of."""

    near: Graph
    """the float graph in the units of the integers"""
    made_for: Mapping[str, Op]
    """for which op of it each integer value is computed"""
    exact: Mapping[str, Exact]
    """the constants that were rounded"""
    operands: Mapping[str, tuple[str, ...]]
    """of an op that becomes many, as a quotient does: the integer values and constants that it is computed from"""
