"""`validate(graph)`: the rules every graph keeps, checked after each pass.

Names, order, sizes and blocks for all graphs. For integer graphs `compiler.ranges.proven` proves in
addition that no value leaves its format and no product the chip's width.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from typing import TypeVar

import numpy as np

from compiler.functions import FUNCTIONS
from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph
from compiler.graph.shapes import faults
from hw_models.errors import GraphError

G = TypeVar("G", bound=Graph)


def validate(graph: G, after: str = "") -> G:
    """Check `graph` and return it. Raises `GraphError` that names the pass `after` which it came."""
    for problem in (*problems(graph), *_shared_names(graph)):
        raise GraphError(problem, where=f"after {after}" if after else "")
    return graph


def problems(graph: Graph) -> list[str]:
    """Rules that `graph` breaks, as text; those of arrays only where names and blocks are right."""
    return [*_structure(graph)] or [*_arrays(graph)] or [*_formats(graph)]


def _shared_names(graph: Graph) -> Iterator[str]:
    """States that are called as a value or constant is: nothing could tell them apart by name. Saved networks of
    version 0.2 may have such."""
    for state in graph.states:
        if state.name in graph.values or state.name in graph.constants:
            kind = "value" if state.name in graph.values else "constant"
            yield f"{state.name} is a state and a {kind}"


def _structure(graph: Graph) -> Iterator[str]:
    """What is wrong with names, order and blocks."""
    integer = graph.is_integer
    visible, defined = set(graph.constants), set(graph.host_arrays)
    for block in graph.blocks:
        if block.repeat < 1:
            yield f"block {block.name} repeats {block.repeat} times"
        if block.repeat != 1 and block.outputs:
            yield f"block {block.name} with the output repeats {block.repeat} times"
        here = set(visible)
        for op in block.ops:
            if not (op.integer if integer else op.real):
                yield f"{block.name}: {op} does not belong in {'an integer' if integer else 'a float'} graph"
            yield from (f"{block.name}: {op} {problem}" for problem in _names(graph, op, here, defined))
            if op.result is not None:
                here.add(op.result)
                defined.add(op.result)
        writes = Counter(op.state for op in block.commits)
        yield from (f"{block.name}: the state {s} is written twice in one block" for s, n in writes.items() if n > 1)
        visible = here if block.repeat == 1 else visible
    if isinstance(graph, IntegerGraph):
        shared = graph.constants.keys() & graph.host.keys()
        yield from (f"{n} is a constant of the chip and of the host" for n in sorted(shared))
    for kind in (ops.Input, ops.Output):
        count = sum(isinstance(op, kind) for _, op in graph.ops())
        if count > 1:
            yield f"it has {count} ops {kind.__name__}"


def _names(graph: Graph, op: ops.Op, visible: Set[str], defined: Set[str]) -> Iterator[str]:
    """What is wrong with the names in an op."""
    yield from (f"reads {n}, which does not exist" for n in op.operands if n not in visible)
    arrays = graph.host_arrays if isinstance(op, (ops.Input, ops.Output)) else graph.constants
    yield from (f"lacks its array {n}" for n in op.arrays if n not in arrays)
    if isinstance(op, (ops.StateRead, ops.StateWrite)) and all(s.name != op.state for s in graph.states):
        yield "has no such state"
    if isinstance(op, ops.Apply) and op.function not in FUNCTIONS:
        yield "has no such function"
    if op.result is not None:
        if op.result in defined or op.result in graph.constants:
            yield f"has the result {op.result}, which is defined twice"
        if op.result not in graph.values:
            yield f"has the result {op.result} without a Value"


def _arrays(graph: Graph) -> Iterator[str]:
    """What is wrong with the sizes and contents of arrays."""
    for block, op in graph.ops():
        yield from (f"{block.name}: {op}: {fault}" for fault in faults(graph, op))
    for state in graph.states:
        for name in (state.initial, state.low, state.high):
            if name is not None and np.shape(graph.constants.get(name, ())) != (state.size,):
                yield f"state {state.name}: {name} does not have {state.size} elements"


def _formats(graph: Graph) -> Iterator[str]:
    """What is wrong with values and formats."""
    defined = {op.result for _, op in graph.ops()}
    yield from (f"value {n} is computed nowhere" for n in graph.values if n not in defined)
    if graph.is_integer:
        yield from (f"value {v.name} has no format" for v in graph.values.values() if v.format is None)
        yield from (f"state {s.name} has no format" for s in graph.states if s.format is None)
        for name, array in graph.constants.items():
            if not np.issubdtype(array.dtype, np.integer) and name not in graph.host_arrays:
                yield f"constant {name} is not integer"
