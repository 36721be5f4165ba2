"""Instructions as closures over the values by key: bound once, executed every tick.

A value is an array, or an int that all neurons share; arrays are never changed in place. A send writes to
the key of its port.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hw_models import isa

Vector: TypeAlias = "npt.NDArray[np.signedinteger] | int"
"""A value of all neurons: an array, or an int that they share."""
Values: TypeAlias = "dict[str, Vector]"
Operation: TypeAlias = Callable[[Values], None]
Predicate: TypeAlias = Callable[[Vector, Vector], "npt.NDArray[np.bool_] | bool"]

RELATIONS: dict[isa.Test, Predicate] = {
    isa.Test.LESS: operator.lt,
    isa.Test.LESS_EQUAL: operator.le,
    isa.Test.EQUAL: operator.eq,
    isa.Test.NOT_EQUAL: operator.ne,
}


def _move(_: isa.Instruction, d: str, a: str) -> Operation:
    def run(v: Values) -> None:
        v[d] = v[a]

    return run


def _binary(function: Callable[..., Vector]) -> Callable[..., Operation]:
    def bind(_: isa.Instruction, d: str, a: str, b: str) -> Operation:
        def run(v: Values) -> None:
            v[d] = function(v[a], v[b])

        return run

    return bind


def _minimum(x: Vector, y: Vector) -> Vector:
    return min(x, y) if isinstance(x, int) and isinstance(y, int) else np.minimum(x, y)


def _maximum(x: Vector, y: Vector) -> Vector:
    return max(x, y) if isinstance(x, int) and isinstance(y, int) else np.maximum(x, y)


def _multiply_shift(_: isa.Instruction, d: str, a: str, b: str, shift: str) -> Operation:
    def run(v: Values) -> None:
        v[d] = v[a] * v[b] >> v[shift]

    return run


def _compare(instruction: isa.Instruction, d: str, a: str, b: str) -> Operation:
    relation = RELATIONS[getattr(instruction, "test")]  # noqa: B009

    def run(v: Values) -> None:
        holds = relation(v[a], v[b])
        v[d] = holds.astype(np.int32) if isinstance(holds, np.ndarray) else int(holds)

    return run


def _select(_: isa.Instruction, d: str, condition: str, a: str, b: str) -> Operation:
    def run(v: Values) -> None:
        c = v[condition]
        if isinstance(c, int):
            v[d] = v[a] if c else v[b]
        else:
            v[d] = np.where(c != 0, v[a], v[b]).astype(c.dtype, copy=False)

    return run


OPERATIONS: dict[type[isa.Instruction], Callable[..., Operation]] = {
    isa.Move: _move,
    isa.Send: _move,
    isa.Add: _binary(operator.add),
    isa.Subtract: _binary(operator.sub),
    isa.And: _binary(operator.and_),
    isa.Minimum: _binary(_minimum),
    isa.Maximum: _binary(_maximum),
    isa.MultiplyShift: _multiply_shift,
    isa.ShiftLeft: _binary(operator.lshift),
    isa.ShiftRight: _binary(operator.rshift),
    isa.Compare: _compare,
    isa.Select: _select,
}
