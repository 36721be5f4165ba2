"""Copies of networks, by pickle, copy and joblib: what they are made of, without what they remember."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def made_of(value: DataclassInstance) -> dict[str, object]:
    """The fields of a dataclass, for its `__getstate__`.

    Prepared programs and mappings stay behind: they hold functions, which do not pickle, and are soon made again.
    """
    return {f.name: getattr(value, f.name) for f in fields(value)}


def remade(kind: type[T], value: DataclassInstance, **more: object) -> T:
    """Another kind of dataclass, of the same fields and some `more`."""
    return kind(**made_of(value), **more)
