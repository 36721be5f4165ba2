"""common_subexpressions: what is computed twice is computed once; equal constants become one."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import numpy.typing as npt

from compiler.graph.draft import Draft
from compiler.graph.graph import Graph
from compiler.graph.ops import Input, Op, StateRead, StateWrite


def common_subexpressions(graph: Graph) -> Graph:
    """Equal subexpressions are computed once, across blocks where the first is visible."""
    draft = Draft(graph)
    for old, first in _equal_constants(graph).items():
        draft.alias(old, first)
    visible: dict[tuple[Op, int, int], str] = {}
    version: Counter[str] = Counter()
    for block in graph.blocks:
        known = dict(visible)
        written = [op.state for op in block.ops if isinstance(op, StateWrite)]
        if block.repeat > 1:  # its later iterations read what it wrote
            version.update(written)
        draft.begin(block)
        for op in block.ops:
            op = op.renamed(draft.current)
            if op.result is None or isinstance(op, Input):
                draft.put(op, None)
                continue
            key = (*_key(op, version), graph.size(op.result))
            draft.put(op, known.get(key))
            known.setdefault(key, op.result)
        draft.end()
        version.update(written)
        if block.repeat == 1:
            visible = known
    return draft.finish()


def _key(op: Op, version: Counter[str]) -> tuple[Op, int]:
    """Equal for ops that give equal results: without the result's name, operands of a sum or product in order."""
    result = op.result or ""
    op = op.renamed(lambda n: "" if n == result else n)
    if op.commutes and op.operands[1] < op.operands[0]:
        swapped = dict(zip(op.operands, reversed(op.operands), strict=True))
        op = op.renamed(lambda n: swapped.get(n, n))
    return op, version[op.state] if isinstance(op, StateRead) else 0


def _equal_constants(graph: Graph) -> dict[str, str]:
    """Which constant stands for which: the first of those with equal elements."""
    first: dict[tuple[object, ...], str] = {}
    same: dict[str, str] = {}
    for name, array in graph.constants.items():
        original = first.setdefault(_content(array), name)
        if original != name and _used(graph, name):
            same[name] = original
    return same


def _content(array: npt.NDArray[np.generic]) -> tuple[object, ...]:
    return array.shape, array.dtype.str, hashlib.blake2b(np.ascontiguousarray(array).tobytes()).digest()


def _used(graph: Graph, name: str) -> bool:
    return any(name in op.operands or name in op.arrays for _, op in graph.ops())
