"""A graph as JSON and arrays, derived from the dataclasses' fields. No pickle."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Array, Block, Graph, State, TimeConstant, Value
from compiler.graph.ops import OPS, Op, Relation
from hw_models.errors import ArtifactError
from hw_models.fixed_point import Format

DataT = TypeVar("DataT", Block, Value, State, TimeConstant, Format, Op)
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def to_json(graph: Graph) -> tuple[dict[str, Json], dict[str, npt.NDArray[np.generic]]]:
    """The graph without its arrays, ready for `json.dumps`, and the arrays by name."""
    table: dict[str, Json] = {
        "blocks": [
            {"name": b.name, "repeat": b.repeat, "ops": [_op_to_json(op) for op in b.ops]} for b in graph.blocks
        ],
        "values": [_plain(v) for v in graph.values.values()],
        "states": [_plain(s) for s in graph.states],
        "time_constants": [_plain(t) for t in graph.time_constants],
        "fractions": dict(graph.fractions),
        "constants": {name: str(array.dtype) for name, array in graph.constants.items()},
    }
    return table, {name: np.asarray(array) for name, array in graph.constants.items()}


def from_json(table: dict[str, Json], arrays: dict[str, npt.NDArray[np.generic]]) -> Graph:
    """The graph again. Raises `ArtifactError` where the table does not describe one."""
    try:
        constants: dict[str, Array] = {n: arrays[n] for n in table["constants"]}  # type: ignore[union-attr]
        return Graph(
            blocks=tuple(
                _checked(Block(b["name"], tuple(_op_from_json(o) for o in b["ops"]), b["repeat"]))
                for b in table["blocks"]  # type: ignore[union-attr]
            ),
            values={v["name"]: _build(Value, v) for v in table["values"]},  # type: ignore[index, union-attr]
            constants=constants,
            states=tuple(_build(State, s) for s in table["states"]),  # type: ignore[union-attr]
            time_constants=tuple(_build(TimeConstant, t) for t in table["time_constants"]),  # type: ignore[union-attr]
            fractions=dict(table["fractions"]),  # type: ignore[arg-type]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"not a graph: {type(error).__name__}: {error}") from error


def _plain(item: Value | State | TimeConstant | Format | Op) -> dict[str, Json]:
    return {f.name: _leaf(getattr(item, f.name)) for f in fields(item)}


def _leaf(value: object) -> Json:
    if isinstance(value, Format):
        return _plain(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return [_leaf(v) for v in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"{value!r} has no JSON form")


def _op_to_json(op: Op) -> dict[str, Json]:
    return {"op": type(op).__name__, **{name: value for name, value in _plain(op).items() if value is not None}}


def _op_from_json(table: Json) -> Op:
    if not isinstance(table, dict):
        raise TypeError("an op is a table")
    return _build(OPS[str(table["op"])], {k: v for k, v in table.items() if k != "op"})


def _build(cls, table):  # one builder for all dataclasses of a graph
    values = dict(table)
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
        elif name == "format" and value is not None:
            values[name] = Format(**value)
        elif name == "relation":
            values[name] = Relation(value)
    return _checked(cls(**values))


def _checked(item: DataT) -> DataT:
    """Raise `TypeError` where a field has another type than it should: a file may hold anything."""
    for name, hint in _types(type(item)).items():
        value = getattr(item, name)
        if not _fits(value, hint):
            raise TypeError(f"{name} of {type(item).__name__} is {str(value)[:40]!r}")
    return item


@cache
def _types(cls: type) -> dict[str, Any]:
    """The types of a dataclass's fields."""
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(cls)}


def _fits(value: object, hint: Any) -> bool:
    inner = get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(v, inner[0]) for v in value)
    if inner:
        return any(_fits(value, one) for one in inner)
    return isinstance(value, hint) and not (hint is int and isinstance(value, bool))
