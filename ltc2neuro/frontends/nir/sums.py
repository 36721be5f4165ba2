"""What the values of a float graph are sums of: numbers times other values, element by element."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Add, Div, Input, Mul, Select, Sub
from hw_models.arrays import Floats


@dataclass(frozen=True, eq=False)
class AffineSum:
    """rest + the sum of `parts[value] * value`; numbers for each element."""

    parts: Mapping[str, Floats]
    rest: Floats

    def __add__(self, other: AffineSum) -> AffineSum:
        none = np.zeros(1)
        parts = {n: self.parts.get(n, none) + other.parts.get(n, none) for n in {**self.parts, **other.parts}}
        return AffineSum({name: by for name, by in parts.items() if np.any(by)}, self.rest + other.rest)

    def __mul__(self, by: Floats) -> AffineSum:
        parts = {name: part * by for name, part in self.parts.items()}
        return AffineSum({name: part for name, part in parts.items() if np.any(part)}, self.rest * by)

    def __sub__(self, other: AffineSum) -> AffineSum:
        return self + other * -np.ones(1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AffineSum) and not (left := self - other).parts and not np.any(left.rest)


@dataclass(frozen=True)
class AffineSums:
    """The sums of a graph's values; `whole` are values that are not taken apart, `known` what others are taken for."""

    graph: Graph
    whole: Set[str] = frozenset()
    known: Mapping[str, float] = field(default_factory=dict)
    _opened: dict[str, AffineSum] = field(default_factory=dict)

    def of(self, name: str) -> AffineSum:
        """A value or constant as a sum."""
        if name not in self.whole or name in self.known:
            return self.opened(name)
        size = self.graph.size(name)
        return AffineSum({name: np.ones(size)}, np.zeros(size))

    def opened(self, name: str) -> AffineSum:
        """The same of a value that is whole elsewhere."""
        if name not in self._opened:
            found, size = self._taken_apart(name), np.ones(self.graph.size(name))
            self._opened[name] = AffineSum({part: by * size for part, by in found.parts.items()}, found.rest * size)
        return self._opened[name]

    def _taken_apart(self, name: str) -> AffineSum:
        constants = self.graph.constants
        if name in self.known:
            return AffineSum({}, np.full(1, self.known[name]))
        if name in constants:
            return AffineSum({}, np.asarray(constants[name], np.float64).reshape(-1))
        return PARTS(self.graph.makers[name], self) or _itself(name)


def _itself(name: str) -> AffineSum:
    return AffineSum({name: np.ones(1)}, np.zeros(1))


PARTS: OpTable[[AffineSums], AffineSum | None] = OpTable("sums of values")
"""What an op's result is a sum of; None where it is none but itself."""
PARTS.otherwise(None)


@PARTS.on(Input)
def _input(op: Input, sums: AffineSums) -> AffineSum:
    host = sums.graph.input_map
    return _itself(op.out) * host.scale + AffineSum({}, host.offset)


PARTS.on(Add)(lambda op, sums: sums.of(op.a) + sums.of(op.b))
PARTS.on(Sub)(lambda op, sums: sums.of(op.a) - sums.of(op.b))


@PARTS.on(Select)
def _choice(op: Select, sums: AffineSums) -> AffineSum | None:
    known = sums.known.get(op.condition)
    return None if known is None else sums.of(op.a if known else op.b)


@PARTS.on(Mul)
def _product(op: Mul, sums: AffineSums) -> AffineSum | None:
    a, b = sums.of(op.a), sums.of(op.b)
    if not b.parts:
        return a * b.rest
    return None if a.parts else b * a.rest


@PARTS.on(Div)
def _quotient(op: Div, sums: AffineSums) -> AffineSum | None:
    b = sums.of(op.b)
    return None if b.parts else sums.of(op.a) * (1 / b.rest)
