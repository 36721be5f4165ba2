"""split_constants: a vector of values and constants becomes a choice between both."""

from __future__ import annotations

import numpy as np

from compiler.graph.draft import Draft, integers, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Gather, Op, Select
from hw_models.arrays import Floats, Integers


def split_constants(graph: Graph) -> Graph:
    """Where a vector has constants and values, its neurons hold the constants: connections carry messages only."""
    return rewrite(graph, _constants_apart)


def _constants_apart(draft: Draft, op: Op) -> Op | None:
    if not isinstance(op, Gather):
        return None
    values = tuple(s for s in op.sources if s not in draft.constants)
    if not values or len(values) == len(op.sources):
        return None
    index, offset = integers(draft, op.index), 0
    places: list[Integers] = []
    """where among the values each element of the concatenation is, -1 for a constant's"""
    held: list[Floats] = []
    for source in op.sources:
        size = draft.size(source)
        constant = source in draft.constants
        places.append(np.full(size, -1) if constant else offset + np.arange(size))
        held.append(reals(draft, source) if constant else np.zeros(size))
        offset += 0 if constant else size
    place = np.concatenate(places)[index]
    found = draft.constant(np.maximum(place, 0), op.index)
    gathered = draft.emit(lambda out: Gather(out, values, found), f"{op.out}.values", op.out)
    moves = draft.constant((place >= 0).astype(np.float64), f"{op.out}.moves")
    return Select(op.out, moves, gathered, draft.constant(np.concatenate(held)[index], f"{op.out}.held"))
