"""Kernels that reals and integers have in common: NumPy does the same with both."""

from __future__ import annotations

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Add, And, Compare, Div, Max, Min, Mul, Op, Relation, Select, Sub
from compiler.interpreters.execution import Frame, OpKernel
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
