"""How far whole numbers reach: torch's wrap around at the ends of their type, and the graph's are real numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, MutableMapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from compiler.graph import Op
from compiler.graph.ops import Add, Compare, Gather, MatVec, Max, Min, Mul, SegmentSum, Select, Sub

Reach: TypeAlias = tuple[float, float]
EXACT = 2.0**53
"""Whole numbers up to here are exact in float64, the graph's numbers"""

_ANY: Reach = (-math.inf, math.inf)


def reach(
    name: str,
    makers: Mapping[str, Op],
    constants: Mapping[str, npt.NDArray[np.generic]],
    known: MutableMapping[str, Reach],
) -> Reach:
    """The interval that a value or constant never leaves, whatever the input; infinite where nothing is known.

    `makers` gives the op of each value; what is found out is kept in `known`.
    """
    if name not in known:
        known[name] = _of(name, makers, constants, known)
    return known[name]


def fits(dtype: torch.dtype, interval: Reach) -> bool:
    """Whether whole numbers within `interval` neither wrap around in torch nor lose digits in the graph."""
    limits = torch.iinfo(dtype)
    low, high = max(float(limits.min), -EXACT), min(float(limits.max), EXACT)
    return low <= interval[0] and interval[1] <= high


def _of(
    name: str,
    makers: Mapping[str, Op],
    constants: Mapping[str, npt.NDArray[np.generic]],
    known: MutableMapping[str, Reach],
) -> Reach:
    if name in constants:
        array = constants[name]
        return (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    op = makers.get(name)
    if isinstance(op, Compare):
        return (0.0, 1.0)
    if not isinstance(op, (Add, Sub, Mul, Min, Max, Select, Gather, SegmentSum, MatVec)):
        return _ANY
    of = [reach(operand, makers, constants, known) for operand in op.operands]
    if any(math.inf in map(abs, interval) for interval in of):
        return _ANY
    if isinstance(op, Add):
        return of[0][0] + of[1][0], of[0][1] + of[1][1]
    if isinstance(op, Sub):
        return of[0][0] - of[1][1], of[0][1] - of[1][0]
    if isinstance(op, Mul):
        corners = [a * b for a in of[0] for b in of[1]]
        return min(corners), max(corners)
    if isinstance(op, Min):
        return min(of[0][0], of[1][0]), min(of[0][1], of[1][1])
    if isinstance(op, Max):
        return max(of[0][0], of[1][0]), max(of[0][1], of[1][1])
    parts = of[1:] if isinstance(op, Select) else of
    low, high = min(each[0] for each in parts), max(each[1] for each in parts)
    if isinstance(op, SegmentSum):
        most = int(np.bincount(constants[op.segment].astype(np.int64)).max(initial=0))
        return min(low * most, 0.0), max(high * most, 0.0)
    if isinstance(op, MatVec):
        largest = float(np.abs(constants[op.matrix].astype(np.float64)).sum(axis=1).max(initial=0.0))
        return -largest * max(abs(low), abs(high)), largest * max(abs(low), abs(high))
    return low, high
