"""`validate(graph)`: the rules every graph keeps, checked after each pass.

Names, order, sizes and blocks for all graphs. For integer graphs `compiler.ranges.proven` proves in
addition that no value leaves its format and no product the chip's width.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from compiler.functions import FUNCTIONS
from compiler.graph import ops
from compiler.graph.graph import Graph
from hw_models.errors import BUG, GraphError

G = TypeVar("G", bound=Graph)

MOST_SHIFT = 62
"""Bits by which anything is shifted: an integer has 64."""


def validate(graph: G, after: str = "") -> G:
    """Check `graph` and return it. Raises `GraphError` that names the pass `after` which it came."""
    for problem in problems(graph):
        raise GraphError(problem, where=f"after {after}" if after else "", advice=BUG)
    return graph


def problems(graph: Graph) -> list[str]:
    """Every rule that `graph` breaks, as text."""
    found: list[str] = []
    integer = graph.is_integer
    visible: set[str] = set(graph.constants)
    states = {s.name: s for s in graph.states}
    defined: set[str] = set()
    for block in graph.blocks:
        local: set[str] = set()
        written: set[str] = set()
        if block.repeat < 1:
            found.append(f"block {block.name} repeats {block.repeat} times")
        for op in block.ops:
            label = f"{block.name}: {op}"
            if not (op.integer if integer else op.real):
                found.append(f"{label} does not belong in {'an integer' if integer else 'a float'} graph")
            found.extend(f"{label} reads {n}, which does not exist" for n in op.operands if n not in visible | local)
            found.extend(f"{label} lacks its array {n}" for n in op.arrays if n not in graph.constants)
            if isinstance(op, (ops.StateRead, ops.StateWrite)) and op.state not in states:
                found.append(f"{label}: no such state")
            if isinstance(op, ops.Apply) and op.function not in FUNCTIONS:
                found.append(f"{label}: no such function")
            if isinstance(op, ops.StateWrite):
                if op.state in written:
                    found.append(f"{label}: the state is written twice in one block")
                written.add(op.state)
            if op.result is not None:
                if op.result in defined or op.result in graph.constants:
                    found.append(f"{label}: {op.result} is defined twice")
                if op.result not in graph.values:
                    found.append(f"{label}: {op.result} has no Value")
                local.add(op.result)
                defined.add(op.result)
            if not found:
                found.extend(f"{label}: {text}" for text in _axes(graph, op) or _sizes(graph, op) or _shifts(graph, op))
        if block.repeat == 1:
            visible |= local
    for kind in (ops.Input, ops.Output):
        count = sum(isinstance(op, kind) for _, op in graph.ops())
        if count > 1:
            found.append(f"it has {count} ops {kind.__name__}")
    found.extend(
        f"block {b.name} with the output repeats {b.repeat} times"
        for b in graph.blocks
        if b.repeat != 1 and any(isinstance(op, ops.Output) for op in b.ops)
    )
    if found:
        return found
    found.extend(f"value {n} is computed nowhere" for n in graph.values if n not in defined)
    for state in graph.states:
        for name in (state.initial, state.low, state.high):
            if name is not None and np.shape(graph.constants.get(name, ())) != (state.size,):
                found.append(f"state {state.name}: {name} does not have {state.size} elements")
    if integer:
        found.extend(f"value {v.name} has no format" for v in graph.values.values() if v.format is None)
        found.extend(f"state {s.name} has no format" for s in graph.states if s.format is None)
        found.extend(
            f"constant {n} is not integer"
            for n, c in graph.constants.items()
            if not np.issubdtype(c.dtype, np.integer) and n not in graph.host_arrays
        )
    return found


def _axes(graph: Graph, op: ops.Op) -> list[str]:
    """Constants are vectors, but for matrices, their places, and the tables of polynomials."""
    tables: set[str | None] = set()
    if isinstance(op, ops.MatVec):
        tables = {op.matrix, op.places}
    elif isinstance(op, ops.PiecewisePolynomial):
        tables = {op.coefficients, op.shifts}
    names = [n for n in (*op.operands, *op.arrays) if n in graph.constants]
    wrong = [n for n in names if graph.constants[n].ndim != (2 if n in tables else 1)]
    return [f"{n} has {graph.constants[n].ndim} axes" for n in wrong]


def _shifts(graph: Graph, op: ops.Op) -> list[str]:
    """Shifts to the right are by 0 to MOST_SHIFT bits."""
    if isinstance(op, (ops.Rescale, ops.Divide)):
        shifts = np.array(op.shift)
    elif isinstance(op, (ops.MulShift, ops.PiecewisePolynomial)):
        shifts = graph.constants[op.shift if isinstance(op, ops.MulShift) else op.shifts]
    else:
        return []
    wrong = np.any(shifts < 0) or np.any(shifts > MOST_SHIFT)
    return [f"a shift by an impossible number of bits, 0..{MOST_SHIFT}"] if wrong else []


def _sizes(graph: Graph, op: ops.Op) -> list[str]:
    size = graph.size
    if isinstance(op, ops.Elementwise):
        expected = size(op.result or "")
        return [
            f"{n} has {size(n)} elements, not {expected}"
            for n in op.operands
            if size(n) != expected and not (n in graph.constants and size(n) == 1)
        ] + (_table(graph, op) if isinstance(op, ops.PiecewisePolynomial) else [])
    if isinstance(op, ops.Gather):
        index = graph.constants[op.index]
        total = sum(map(size, op.sources))
        bad = index.size and not (0 <= index.min() and index.max() < total)
        return ([f"index outside 0..{total - 1}"] if bad else []) + (
            [f"index has {index.size} elements, not {size(op.out)}"] if index.size != size(op.out) else []
        )
    if isinstance(op, ops.SegmentSum):
        segment = graph.constants[op.segment]
        bad = segment.size and not (0 <= segment.min() and segment.max() < size(op.out))
        return ([f"segment outside 0..{size(op.out) - 1}"] if bad else []) + (
            [f"segment has {segment.size} elements, not {size(op.x)}"] if segment.size != size(op.x) else []
        )
    if isinstance(op, ops.MatVec):
        return _matrix(graph, op)
    if isinstance(op, (ops.StateRead, ops.StateWrite)):
        name = op.out if isinstance(op, ops.StateRead) else op.x
        state = graph.state(op.state)
        return [f"{name} has {size(name)} elements, the state {state.size}"] if size(name) != state.size else []
    if isinstance(op, (ops.Input, ops.Output)):
        name = op.out if isinstance(op, ops.Input) else op.x
        return [f"{n} does not have {size(name)} elements" for n in op.arrays if size(n) != size(name)]
    return []


def _matrix(graph: Graph, op: ops.MatVec) -> list[str]:
    rows, columns = graph.size(op.out), sum(map(graph.size, op.sources))
    got = graph.constants[op.matrix].shape
    if op.places is None:
        return [f"matrix is {got}, not {(rows, columns)}"] if got != (rows, columns) else []
    places = graph.constants[op.places]
    if len(op.sources) != 1 or places.ndim != 2 or got != (rows // max(len(places), 1), places.shape[1]):
        return [f"matrix {got} at places {places.shape} of {len(op.sources)} sources does not give {rows} elements"]
    in_order = np.sort(places, axis=1)
    twice = (in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] < columns)
    return (["a place reads an element twice"] if twice.any() else []) + (
        [f"a place outside 0..{columns}"] if places.size and not (0 <= places.min() and places.max() <= columns) else []
    )


def _table(graph: Graph, op: ops.PiecewisePolynomial) -> list[str]:
    knots, origins = graph.constants[op.knots], graph.constants[op.origins]
    coefficients, shifts = graph.constants[op.coefficients], graph.constants[op.shifts]
    segments, terms = coefficients.shape
    ok = knots.size == segments - 1 and origins.size == segments and shifts.shape == (segments, terms - 1)
    return [] if ok and bool(np.all(np.diff(knots) > 0)) else ["its table is inconsistent"]
