"""What an op is: a small frozen dataclass that holds names, never arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache, cached_property
from typing import ClassVar, TypeVar

OpT = TypeVar("OpT", bound="Op")


RESULT, OPERAND, ARRAY = ({"role": role} for role in ("result", "operand", "array"))
"""What a field names: the value computed, a value or constant read, a constant of the op's own."""


@cache
def _fields(cls: type[Op], role: str) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls) if f.metadata.get("role") == role)


@cache
def _named(cls: type[Op]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls) if "role" in f.metadata)


def _roles(op: Op, role: str) -> Iterator[str]:
    for name in _fields(type(op), role):
        value = getattr(op, name)
        if value is not None:
            yield from value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True)
class Op:
    """Base of all ops. `integer` and `real` say in which kind of graph it may stand, `clips` whether its result
    saturates to its format: what does not fit is counted, `commutes` whether its two operands may change places."""

    real: ClassVar[bool] = True
    integer: ClassVar[bool] = True
    clips: ClassVar[bool] = False
    commutes: ClassVar[bool] = False

    @cached_property
    def result(self) -> str | None:
        """The name of the value it computes, None for an effect."""
        names = _fields(type(self), "result")
        return getattr(self, names[0]) if names else None

    @cached_property
    def operands(self) -> tuple[str, ...]:
        """The values and constants it reads, elementwise or through synapses."""
        return tuple(_roles(self, "operand"))

    @property
    def follows_from(self) -> tuple[str, ...]:
        """What its result follows from: its operands; the state that it reads."""
        return self.operands

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """The constants that belong to the op itself: an index, a matrix, a table."""
        return tuple(_roles(self, "array"))

    def renamed(self: OpT, new: Callable[[str], str]) -> OpT:
        """The op with `new` applied to the names of its result, operands and arrays."""
        changes: dict[str, str | tuple[str, ...]] = {}
        for field in _named(type(self)):
            value = getattr(self, field)
            if value is not None:
                found = tuple(map(new, value)) if isinstance(value, tuple) else new(value)
                if found != value:
                    changes[field] = found
        return replace(self, **changes) if changes else self
