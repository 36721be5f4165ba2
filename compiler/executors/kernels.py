"""Kernels that reals and integers have in common: NumPy does the same with both."""

from __future__ import annotations

import numpy as np

from compiler.executors.execution import Kernel
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, And, Div, Max, Min, Mul, Op, Relation, Select, Sub

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


def of_two(op: Add | Sub | Mul | Div | Min | Max | And, graph: Graph) -> Kernel:
    """One function of NumPy does it."""
    ufunc, a, b = _OF_TWO[type(op)], op.a, op.b
    return lambda frame: ufunc(frame.values[a], frame.values[b])


def select(op: Select, graph: Graph) -> Kernel:
    """Element by element one of two."""
    return lambda frame: np.where(frame.values[op.condition] != 0, frame.values[op.a], frame.values[op.b])
