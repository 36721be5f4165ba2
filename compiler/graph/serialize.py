"""A graph as JSON and arrays, derived from the dataclasses' fields. No pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Block, Graph, State, TimeConstant, Value
from compiler.graph.integers import as_integers
from compiler.graph.ops import OPS, Op
from hw_models.errors import ArtifactError
from hw_models.fixed_point import Format
from hw_models.json_dataclasses import Json, made


def to_json(graph: Graph) -> tuple[dict[str, Json], dict[str, npt.NDArray[np.generic]]]:
    """The graph without its arrays, ready for `json.dumps`, and the arrays by name, the host's among the others."""
    arrays = {name: np.asarray(array) for name, array in {**graph.constants, **graph.host_arrays}.items()}
    table: dict[str, Json] = {
        "blocks": [
            {"name": b.name, "repeat": b.repeat, "ops": [_op_to_json(op) for op in b.ops]} for b in graph.blocks
        ],
        "values": [_plain(v) for v in graph.values.values()],
        "states": [_plain(s) for s in graph.states],
        "time_constants": [_plain(t) for t in graph.time_constants],
        "fractions": dict(graph.fractions),
        "constants": {name: str(array.dtype) for name, array in arrays.items()},
    }
    return table, arrays


def from_json(table: Mapping[str, Json], arrays: Mapping[str, npt.NDArray[np.generic]]) -> Graph:
    """The graph again, an `IntegerGraph` where all has a format. Raises `ArtifactError` where the table is of none."""
    try:
        found = made(_GraphTable, dict(table))
        graph = Graph(
            blocks=tuple(Block(b.name, tuple(map(_op_from_json, b.ops)), b.repeat) for b in found.blocks),
            values={v.name: v for v in found.values},
            constants={n: arrays[n] for n in found.constants},
            states=found.states,
            time_constants=found.time_constants,
            fractions=dict(found.fractions),
        )
        whole = graph.is_integer and all(part.format for part in (*found.values, *found.states))
        return as_integers(graph) if whole else graph
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"not a graph: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class _Block:
    name: str
    repeat: int
    ops: tuple[dict[str, object], ...]


@dataclass(frozen=True)
class _GraphTable:
    blocks: tuple[_Block, ...]
    values: tuple[Value, ...]
    states: tuple[State, ...]
    time_constants: tuple[TimeConstant, ...]
    fractions: dict[str, int]
    constants: dict[str, str]
    """the type of each array"""


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


def _op_from_json(table: Mapping[str, object]) -> Op:
    return made(OPS[str(table["op"])], {k: v for k, v in table.items() if k != "op"})
