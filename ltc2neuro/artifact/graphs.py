"""Graphs of a file: what they declare is checked before anyone allocates it."""

from __future__ import annotations

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import Divide, Input, Output, Rescale
from compiler.graph.serialize import from_json
from compiler.graph.validate import problems
from hw_models.arrays import AnyArray
from hw_models.errors import ArtifactError
from hw_models.json_dataclasses import Json

MAX_ELEMENTS = 2**26
"""What the vectors of one graph may have together, and the most often that one of its blocks may repeat."""

MAX_SHIFT = 256
"""The largest shift or number of fraction bits that a graph may declare."""


def checked_graph(name: str, table: dict[str, Json], arrays: dict[str, AnyArray]) -> Graph:
    """The graph that a file holds as `table` and `arrays`. Raises `ArtifactError` for one that is none."""
    if table.get("constants") != {n: str(array.dtype) for n, array in arrays.items()}:
        raise ArtifactError(f"graph {name!r} does not have the constants that it names")
    graph = from_json(table, arrays)
    _check_time_constants(name, graph)
    _check_numbers(name, graph)
    try:
        found = problems(graph)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError, StopIteration) as error:
        raise ArtifactError(f"graph {name!r} is inconsistent ({type(error).__name__}: {error})") from error
    for problem in found:
        raise ArtifactError(f"graph {name!r} breaks a rule: {problem}")
    return graph


def _check_time_constants(name: str, graph: Graph) -> None:
    """Refuse time constants of nothing."""
    states = {s.name: s.size for s in graph.states}
    vectors_by_name = graph.values.keys() | graph.constants.keys()
    for t in graph.time_constants:
        known = t.state in states and {t.keep, t.total} <= vectors_by_name
        if not known or t.repeat < 1 or graph.size(t.keep) not in (1, states[t.state]):
            raise ArtifactError(f"graph {name!r} has a time constant of no known state", numbers=f"state {t.state!r}")


def _check_numbers(name: str, graph: Graph) -> None:
    """Refuse numbers so large that whoever computes with them would run out of memory or time."""
    vectors = [*graph.values.values(), *graph.states]
    formats = [v.format for v in vectors if v.format is not None]
    limits: list[tuple[str, int, int, list[int]]] = [
        ("sizes", 0, MAX_ELEMENTS, [v.size for v in vectors]),
        ("repeats", 0, MAX_ELEMENTS, [b.repeat for b in graph.blocks]),
        ("formats", -(2**63), 2**63 - 1, [n for f in formats for n in (f.low, f.high)]),
        ("fractions", -MAX_SHIFT, MAX_SHIFT, [*(f.fraction for f in formats), *graph.fractions.values()]),
        ("shifts", 0, MAX_SHIFT, [op.shift for _, op in graph.ops() if isinstance(op, (Rescale, Divide))]),
    ]
    for what, low, high, numbers in limits:
        if not all(type(n) is int and low <= n <= high for n in numbers):
            raise ArtifactError(f"graph {name!r} declares impossible {what}", numbers=f"{low} to {high} are possible")
    for _, op in graph.ops():
        if isinstance(op, (Input, Output)) and not all(_finite(graph.host_arrays.get(n)) for n in op.arrays):
            raise ArtifactError(f"graph {name!r} has a host map that is not finite", numbers=f"{op.arrays}")
    together = sum(v.size for v in vectors)
    if together > MAX_ELEMENTS:
        raise ArtifactError(f"graph {name!r} declares impossible sizes", numbers=f"{together} elements together")


def _finite(array: AnyArray | None) -> bool:
    return array is not None and array.dtype.kind in "fiu" and bool(np.all(np.isfinite(array)))
