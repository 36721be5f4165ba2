"""How far whole numbers reach: torch's wrap around at the ends of their type, and the graph's are real numbers."""

from __future__ import annotations

from collections.abc import MutableMapping

import numpy as np
import torch

from compiler.graph.builder import GraphBuilder
from compiler.graph.ops import Compare, Relation
from compiler.ranges.arithmetic import ENDS
from compiler.ranges.observed import Interval

EXACT = 2.0**53
"""Whole numbers up to here are exact in float64, the graph's numbers"""

_ANY = Interval(np.array([-np.inf]), np.array([np.inf]))


def whole_reach(name: str, graph: GraphBuilder, known: MutableMapping[str, Interval]) -> Interval:
    """The interval that no element of a value or constant leaves, whatever the input; infinite where nothing is known.

    What is found out is kept in `known`.
    """
    if name not in known:
        known[name] = _of(name, graph, known)
    return known[name]


def keeps_whole(dtype: torch.dtype, interval: Interval) -> bool:
    """Whether whole numbers within `interval` neither wrap around in torch nor are rounded in the graph."""
    limits = torch.iinfo(dtype)
    low, high = max(float(limits.min), -EXACT), min(float(limits.max), EXACT)
    return bool(np.all(low <= interval.low) and np.all(interval.high <= high))


def _of(name: str, graph: GraphBuilder, known: MutableMapping[str, Interval]) -> Interval:
    if name in graph.constants:
        array = graph.constants[name].astype(np.float64)
        return Interval(array, array).common
    op = graph.makers[name]
    if type(op) not in ENDS.kinds:
        return _ANY
    if isinstance(op, Compare) and op.a == op.b:  # nothing in a network is NaN
        holds = np.full(1, 0.0 if op.relation is Relation.LESS else 1.0)
        return Interval(holds, holds)
    operands = {operand: whole_reach(operand, graph, known) for operand in op.operands}
    with np.errstate(invalid="ignore"):  # 0 times infinity
        low, high = ENDS(op, graph, operands)
    return Interval(np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)).common
