"""Dataclasses of what JSON holds: what does not fit a field's type is refused, as a file may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import TYPE_CHECKING, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
T = TypeVar("T")


def made(cls: type[T], table: object) -> T:
    """The dataclass of whose fields JSON, or `dataclasses.asdict`, made `table`; enums by their names or values.

    Raises `TypeError` where a field is unknown, missing or of another type, and what `cls` raises.

    >>> from hw_models.bands import Band
    >>> made(Band, {"low": 1.0, "default": 2.0, "high": 3.0})
    Band(low=1.0, default=2.0, high=3.0)
    """
    if not isinstance(table, dict):
        raise TypeError(f"it must be a table, not {table!r}")
    types, shown = field_types(cls), cls.__name__.lstrip("_")
    values: dict[str, object] = {}
    for name, value in table.items():
        if name not in types:
            raise TypeError(f"{shown} has no {name}")
        try:
            values[name] = _fitted(value, types[name])
        except _MisfitError:
            raise TypeError(f"{name} of {shown} is {str(value)[:40]!r}") from None
    return cls(**values)


@cache
def field_types(cls: type[DataclassInstance]) -> dict[str, object]:
    """The types of a dataclass's fields."""
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(cls)}


class _MisfitError(Exception):
    """A value of another type."""


def _fitted(value: object, kind: object) -> object:
    kind = getattr(get_origin(kind), "__value__", kind)  # NDArray is a `type` alias from NumPy 2.5 on
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        for one in inner:
            with suppress(_MisfitError):
                return _fitted(value, one)
        raise _MisfitError
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_fitted(v, inner[0]) for v in value)
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, dict):
        return {str(n): _fitted(v, inner[1]) for n, v in value.items()}
    kind = origin or kind
    if not isinstance(kind, type):
        raise _MisfitError
    if is_dataclass(kind) and isinstance(value, dict):
        return made(kind, value)
    if issubclass(kind, Enum):
        return kind[value] if isinstance(value, str) and value in kind.__members__ else kind(value)
    whole = isinstance(value, int) and kind is float  # JSON writes 1 for it, too
    if not (isinstance(value, kind) or whole) or (isinstance(value, bool) and kind in (int, float)):
        raise _MisfitError
    return value
