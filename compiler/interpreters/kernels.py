"""Kernels that reals and integers have in common: NumPy does the same with both."""

from __future__ import annotations

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Add, And, Compare, Div, Gather, Max, Min, Mul, Op, Relation, SegmentSum, Select, Sub
from compiler.graph.segments import segments_of
from compiler.interpreters.execution import Frame, OpKernel, concatenated
from hw_models.arrays import Array

RELATIONS = {Relation.LESS: np.less, Relation.LESS_EQUAL: np.less_equal, Relation.EQUAL: np.equal}

_OF_TWO: dict[type[Op], np.ufunc] = {
    Add: np.add,
    Sub: np.subtract,
    Mul: np.multiply,
    Div: np.divide,
    Min: np.minimum,
    Max: np.maximum,
    And: np.bitwise_and,
}


BOTH: OpTable[[Graph], OpKernel] = OpTable("numbers of both kinds")
"""The kernels of ops that graphs of both kinds have."""


def of_two(op: Add | Sub | Mul | Div | Min | Max | And, graph: Graph) -> OpKernel:
    """One function of NumPy does it."""
    ufunc, a, b = _OF_TWO[type(op)], op.a, op.b
    return lambda frame: ufunc(frame.values[a], frame.values[b])


BOTH.on(Add, Sub, Min, Max)(of_two)


@BOTH.on(Compare)
def _compare(op: Compare, graph: Graph) -> OpKernel:
    """1 or 0, of the operands' kind."""
    relation = RELATIONS[op.relation]

    def kernel(frame: Frame) -> Array:
        a, b = frame.values[op.a], frame.values[op.b]
        return relation(a, b).astype(np.result_type(a, b))

    return kernel


@BOTH.on(Select)
def _select(op: Select, graph: Graph) -> OpKernel:
    """Element by element one of two."""
    return lambda frame: np.where(frame.values[op.condition] != 0, frame.values[op.a], frame.values[op.b])


@BOTH.on(Gather)
def _gather(op: Gather, graph: Graph) -> OpKernel:
    index = graph.constants[op.index]
    return lambda frame: np.take(concatenated(frame, op.sources), index, axis=0)


@BOTH.on(SegmentSum)
def _segment_sum(op: SegmentSum, graph: Graph) -> OpKernel:
    """The sum up to a segment's end, less that up to its start, would cancel bits of reals: `add.reduceat` does not."""
    size, segments = graph.size(op.out), segments_of(graph, op)
    in_order = segments.in_order

    def kernel(frame: Frame) -> Array:
        x = frame.values[op.x]
        if not segments.filled.size:
            return np.zeros((size, x.shape[1]), x.dtype)
        sums = np.add.reduceat(x if in_order else x[segments.order], segments.starts, axis=0, dtype=x.dtype)
        if segments.filled.size == size:
            return sums
        total = np.zeros((size, x.shape[1]), x.dtype)
        total[segments.filled] = sums
        return total

    return kernel
