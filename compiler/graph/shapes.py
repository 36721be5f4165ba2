"""Sizes: what must hold of the arrays of each op."""

from __future__ import annotations

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from hw_models.arrays import Array

MOST_SHIFT = 62
"""Bits by which anything is shifted: an integer has 64."""

TABLES: dict[type[ops.Op], tuple[str, ...]] = {
    ops.MatVec: ("matrix", "places"),
    ops.PiecewisePolynomial: ("coefficients", "shifts"),
}
"""The arrays of two axes: all others are vectors"""

FAULTS: OpTable[[Graph], list[str]] = OpTable("sizes")
"""What is wrong with the sizes of an op whose arrays are there and have their axes."""


def faults(graph: Graph, op: ops.Op) -> list[str]:
    """What is wrong with the arrays that `op` reads, and with its result's size."""
    tables = {getattr(op, field) for field in TABLES.get(type(op), ())}
    arrays = graph.host_arrays if isinstance(op, (ops.Input, ops.Output)) else graph.constants
    read = {n: graph.constants[n] for n in op.operands if n in graph.constants}
    axes = {n: array.ndim for n, array in (read | {n: arrays[n] for n in op.arrays}).items()}
    wrong = [f"{n} has {count} axes" for n, count in axes.items() if count != (2 if n in tables else 1)]
    return wrong or FAULTS(op, graph)


@FAULTS.on(ops.Elementwise)
def elementwise_faults(op: ops.Op, graph: Graph) -> list[str]:
    """All operands have the result's size, or are one constant for all."""
    expected = graph.size(op.result or "")
    sizes = {n: graph.size(n) for n in op.operands}
    wrong = {n: size for n, size in sizes.items() if size != expected and not (n in graph.constants and size == 1)}
    return [f"{n} has {size} elements, not {expected}" for n, size in wrong.items()]


FAULTS.on(ops.Rescale)(lambda op, graph: elementwise_faults(op, graph) + shift_faults(np.array(op.shift)))
FAULTS.on(ops.MulShift)(lambda op, graph: elementwise_faults(op, graph) + shift_faults(graph.constants[op.shift]))


@FAULTS.on(ops.Shift)
def _either_way(op: ops.Shift, graph: Graph) -> list[str]:
    """By a value: `compiler.ranges.proven` looks at what that can be."""
    amount = graph.constants.get(op.amount, np.zeros(1))
    return elementwise_faults(op, graph) + shift_faults(np.abs(amount))


@FAULTS.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, graph: Graph) -> list[str]:
    knots, origins, coefficients, shifts = (graph.constants[name] for name in op.arrays)
    segments, terms = coefficients.shape
    ok = knots.size == segments - 1 and origins.size == segments and shifts.shape == (segments, terms - 1)
    table = [] if ok and bool(np.all(np.diff(knots) > 0)) else ["its table is inconsistent"]
    return elementwise_faults(op, graph) + table + shift_faults(shifts)


def shift_faults(bits: Array) -> list[str]:
    """Shifts to the right are by 0 to MOST_SHIFT bits."""
    wrong = np.any(bits < 0) or np.any(bits > MOST_SHIFT)
    return [f"a shift by an impossible number of bits, 0..{MOST_SHIFT}"] if wrong else []


@FAULTS.on(ops.Gather)
def _gather(op: ops.Gather, graph: Graph) -> list[str]:
    return _index(graph, "index", op.index, sum(map(graph.size, op.sources)), graph.size(op.out))


@FAULTS.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, graph: Graph) -> list[str]:
    return _index(graph, "segment", op.segment, graph.size(op.out), graph.size(op.x))


def _index(graph: Graph, what: str, name: str, total: int, size: int) -> list[str]:
    """An index into `total` elements has `size`."""
    index = graph.constants[name]
    bad = index.size and not (0 <= index.min() and index.max() < total)
    found = [f"{what} outside 0..{total - 1}"] if bad else []
    return found + ([f"{what} has {index.size} elements, not {size}"] if index.size != size else [])


@FAULTS.on(ops.MatVec)
def _matrix(op: ops.MatVec, graph: Graph) -> list[str]:
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


@FAULTS.on(ops.StateRead, ops.StateWrite)
def _state(op: ops.StateRead | ops.StateWrite, graph: Graph) -> list[str]:
    name, state = (op.out if isinstance(op, ops.StateRead) else op.x), graph.state(op.state)
    size = graph.size(name)
    return [f"{name} has {size} elements, the state {state.size}"] if size != state.size else []


@FAULTS.on(ops.Input, ops.Output)
def _host_map(op: ops.Input | ops.Output, graph: Graph) -> list[str]:
    size = graph.size(op.out if isinstance(op, ops.Input) else op.x)
    return [f"{n} does not have {size} elements" for n in op.arrays if graph.host_arrays[n].size != size]
