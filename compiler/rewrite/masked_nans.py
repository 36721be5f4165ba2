"""missing: NaN in place of what a mask says is missing becomes the mask.

`ltc2neuro.nn.Missing` puts NaN where its mask channels say so, for a model that asks `isnan`. On a chip there is no
NaN: the value keeps what the host sent in its place, and the question is answered by the mask. A model to whose answers
what is missing makes no difference computes the same; of any other the proof finds out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from compiler.graph.draft import Draft, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Compare, Elementwise, Gather, Max, Op, Relation, Select, Sub

Hole: TypeAlias = "tuple[str, tuple[str, ...]]"
"""a condition under which a value is NaN, and the indices by which it was gathered since"""


def missing(graph: Graph) -> Graph:
    """where(mask, NaN, x) -> x; y == y, where y is NaN under a mask -> 1 - mask."""
    nothing = {name for name, c in graph.constants.items() if c.dtype.kind == "f" and c.size and np.isnan(c).all()}
    if not nothing:
        return graph
    holes = _holes(graph, nothing)

    def rule(draft: Draft, op: Op) -> Op | str | None:
        if isinstance(op, Select) and op.a in nothing and draft.size(op.b) == draft.size(op.out):
            return op.b
        found = holes.get(op.result or "")
        if not isinstance(op, Compare) or op.relation is not Relation.EQUAL or not found:
            return None
        return Sub(op.out, draft.constant(np.ones(1), "1"), _any_of(draft, found, op.out))

    return rewrite(graph, rule)


def _holes(graph: Graph, nothing: set[str]) -> Mapping[str, tuple[Hole, ...]]:
    """Where values are NaN; of a comparison of a value with itself, where that is."""
    found: dict[str, tuple[Hole, ...]] = {}
    for _, op in graph.ops():
        if op.result is None:
            continue
        if isinstance(op, Select):
            if op.a in nothing:
                found[op.result] = ((op.condition, ()), *found.get(op.b, ()))
        elif isinstance(op, Gather) and len(op.sources) == 1:
            found[op.result] = tuple((c, (*by, op.index)) for c, by in found.get(op.sources[0], ()))
        elif isinstance(op, Elementwise) and (not isinstance(op, Compare) or op.a == op.b):
            found[op.result] = tuple(dict.fromkeys(hole for n in op.operands for hole in found.get(n, ())))
    return found


def _any_of(draft: Draft, holes: tuple[Hole, ...], like: str) -> str:
    """Whether any of them is there: 0 or 1."""
    total = ""
    for condition, indices in holes:
        name = draft.current(condition)
        for index in indices:
            size = int(draft.constants[index].size)
            name = draft.emit(lambda out, x=name, i=index: Gather(out, (x,), i), f"{like}.missing", like, size)
        total = draft.emit(lambda out, a=total, b=name: Max(out, a, b), f"{like}.any", like) if total else name
    return total
