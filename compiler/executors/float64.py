"""The float graph in float64: what the rewrites keep, what the proof of a trace and `verify` compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from compiler.executors.execution import Array, Execution, Factory, Frame, Kernel, concatenated, prepare
from compiler.functions import FUNCTIONS
from compiler.graph.graph import Graph
from compiler.graph.ops import (
    Add,
    Apply,
    Compare,
    Div,
    Gather,
    Input,
    MatVec,
    Max,
    Min,
    Mul,
    Op,
    Output,
    Relation,
    SegmentSum,
    Select,
    Sub,
)

Floats = npt.NDArray[np.float64]


def run_float(
    graph: Graph, x: npt.ArrayLike, state: Mapping[str, Array] | None = None, record: Sequence[str] = ()
) -> Execution:
    """Run a float graph over the user's `x` (batch, time, features); outputs are in the user's units."""
    run = prepare(graph, KERNELS).run(np.asarray(x, np.float64), state, record)
    scale, offset = output_map(graph)
    return Execution(run.outputs * scale + offset, run.states, run.record, run.saturations, run.final)


def run_each(graph: Graph, sequences: Sequence[Floats], record: Sequence[str] = ()) -> list[Execution]:
    """`run_float` of each sequence (time, features), as a batch of one; those of one length run side by side."""
    groups: dict[int, list[int]] = {}
    for number, sequence in enumerate(sequences):
        groups.setdefault(len(sequence), []).append(number)
    found: dict[int, Execution] = {}
    for numbers in groups.values():
        together = run_float(graph, np.stack([sequences[n] for n in numbers]), record=record)
        found |= {number: together.row(row) for row, number in enumerate(numbers)}
    return [found[number] for number in range(len(sequences))]


def output_map(graph: Graph) -> tuple[Floats, Floats]:
    """Scale and offset that the host applies to the output."""
    op = next(op for _, op in graph.ops() if isinstance(op, Output))
    return graph.constants[op.scale], graph.constants[op.offset]


def _input(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, Input)
    return lambda frame: frame.sample * frame.values[op.scale] + frame.values[op.offset]


def _gather(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, Gather)
    index = graph.constants[op.index]
    return lambda frame: concatenated(frame, op.sources)[index]


def _segment_sum(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, SegmentSum)
    segment, size = graph.constants[op.segment].astype(np.int64), graph.size(op.out)
    order = np.argsort(segment, kind="stable")
    in_order = np.array_equal(order, np.arange(len(order)))
    # The sum up to each segment's end, less the sum up to its start, would lose digits: add.reduceat does not.
    filled = np.unique(segment)
    starts = np.searchsorted(segment[order], filled)

    def kernel(frame: Frame) -> Array:
        x = frame.values[op.x]
        parts = x if in_order else x[order]
        if len(filled) == size:
            return np.add.reduceat(parts, starts, axis=0)
        total = np.zeros((size, x.shape[1]))
        if len(filled):
            total[filled] = np.add.reduceat(parts, starts, axis=0)
        return total

    return kernel


def _mat_vec(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, MatVec)
    if op.places is None:
        return lambda frame: frame.values[op.matrix] @ concatenated(frame, op.sources)
    places = graph.constants[op.places].astype(np.int64)

    def kernel(frame: Frame) -> Array:
        x = concatenated(frame, op.sources)
        batch = x.shape[1]
        patches = np.concatenate([x, np.zeros((1, batch))])[places.T]
        return (frame.values[op.matrix] @ patches.reshape(len(patches), -1)).reshape(-1, batch)

    return kernel


_RELATIONS = {Relation.LESS: np.less, Relation.LESS_EQUAL: np.less_equal, Relation.EQUAL: np.equal}


def _compare(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, Compare)
    relation = _RELATIONS[op.relation]
    return lambda frame: relation(frame.values[op.a], frame.values[op.b]).astype(np.float64)


def _select(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, Select)
    return lambda frame: np.where(frame.values[op.condition] != 0, frame.values[op.a], frame.values[op.b])


def _apply(graph: Graph, op: Op) -> Kernel:
    assert isinstance(op, Apply)
    function = FUNCTIONS[op.function].real
    return lambda frame: function(frame.values[op.x])


def _binary(ufunc: np.ufunc) -> Factory:
    def factory(graph: Graph, op: Op) -> Kernel:
        assert isinstance(op, (Add, Sub, Mul, Div, Min, Max))
        a, b = op.a, op.b
        return lambda frame: ufunc(frame.values[a], frame.values[b])

    return factory


KERNELS: dict[type[Op], Factory] = {
    Input: _input,
    Gather: _gather,
    SegmentSum: _segment_sum,
    MatVec: _mat_vec,
    Add: _binary(np.add),
    Sub: _binary(np.subtract),
    Mul: _binary(np.multiply),
    Div: _binary(np.divide),
    Min: _binary(np.minimum),
    Max: _binary(np.maximum),
    Compare: _compare,
    Select: _select,
    Apply: _apply,
}
