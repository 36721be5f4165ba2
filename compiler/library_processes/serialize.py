"""A network of library processes as JSON and arrays, and back: checked, and proven again."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from compiler.library_processes.checks import check_process_graph
from compiler.library_processes.process_graph import ProcessConnection, ProcessGraph, ProcessPopulation, StatePlace
from compiler.library_processes.width_proof import failures
from hw_models.errors import ArtifactError
from hw_models.json_dataclasses import Json, made

ArrayTable = dict[str, npt.NDArray[np.generic]]
_PARTS: dict[str, type[np.generic]] = {"lsb": np.float64, "low": np.int64, "high": np.int64}
"""of a state's place: the arrays"""


def to_plain(graph: ProcessGraph) -> tuple[dict[str, Json], ArrayTable]:
    """A table for `json.dumps`, and the arrays by name."""
    arrays: ArrayTable = {"input_lsb": graph.input_lsb, "output_lsb": graph.output_lsb}
    arrays |= {f"states/{n}/{part}": getattr(p, part) for n, p in graph.states.items() for part in _PARTS}
    arrays |= {f"weights/{i}": c.weights.astype(np.int16) for i, c in enumerate(graph.connections)}
    table: dict[str, Json] = {
        "populations": [{**asdict(p), "kind": p.kind.name} for p in graph.populations.values()],
        "connections": [_without(asdict(c), "weights") for c in graph.connections],
        "states": {n: _without(asdict(p), *_PARTS) for n, p in graph.states.items()},
        "input_limit": graph.input_limit,
        "period": graph.period,
        "repeat": graph.repeat,
    }
    return table, arrays


def from_plain(table: Json, arrays: ArrayTable) -> ProcessGraph:
    """The network again. Raises `ArtifactError` where the table does not describe one that keeps its widths."""
    try:
        graph = _built(table, arrays)
        check_process_graph(graph)
        failed = failures(graph)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ArtifactError(f"not a network of library processes: {type(error).__name__}: {error}") from error
    for failure in failed:
        raise ArtifactError(f"a network of library processes that can leave its widths: {failure.text}")
    return graph


@dataclass(frozen=True)
class _ProcessTable:
    populations: tuple[ProcessPopulation, ...]
    connections: tuple[dict[str, object], ...]
    states: dict[str, dict[str, object]]
    input_limit: int
    period: int
    repeat: int


def _built(table: object, arrays: ArrayTable) -> ProcessGraph:
    found = made(_ProcessTable, table)

    def place(name: str, table: dict[str, object]) -> StatePlace:
        parts = {part: arrays[f"states/{name}/{part}"].astype(kind) for part, kind in _PARTS.items()}
        return made(StatePlace, {**table, **parts})

    weights = [arrays[f"weights/{i}"].astype(np.int64) for i in range(len(found.connections))]
    return ProcessGraph(
        {p.name: p for p in found.populations},
        tuple(made(ProcessConnection, {**c, "weights": w}) for c, w in zip(found.connections, weights, strict=True)),
        {n: place(n, p) for n, p in found.states.items()},
        arrays["input_lsb"].astype(np.float64),
        arrays["output_lsb"].astype(np.float64),
        found.input_limit,
        found.period,
        found.repeat,
    )


def _without(table: dict[str, Json], *names: str) -> dict[str, Json]:
    return {k: v for k, v in table.items() if k not in names}
