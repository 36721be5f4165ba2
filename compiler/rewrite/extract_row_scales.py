"""extract_row_scales: a matrix's rows are brought to one size, their factors become a product after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from compiler.graph.draft import Draft, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import MatVec, Mul, Op
from hw_models.arrays import Floats

FactorsOf: TypeAlias = Callable[[MatVec, Floats], Floats]


def largest(op: MatVec, matrix: Floats) -> Floats:
    """The largest magnitude of each row; 1 for a row of zeros."""
    found = np.abs(matrix).max(axis=1, initial=0.0)
    return np.where(found > 0.0, found, 1.0)


def extract_row_scales(graph: Graph, factors: FactorsOf = largest) -> Graph:
    """M x -> (M / s) x * s, where s, one for each row, is what `factors` says of the product and its matrix M.

    Not one of `PASSES`, for `compose` undoes it: `quantize` calls it last, so that the weights of every row
    use the synapses' whole range. A product whose factors are all 1 stays.
    """
    return rewrite(graph, lambda draft, op: _row_scales(draft, op, factors))


def _row_scales(draft: Draft, op: Op, factors: FactorsOf) -> Op | None:
    if not isinstance(op, MatVec):
        return None
    matrix = reals(draft, op.matrix)
    scale = factors(op, matrix)
    if bool(np.all(scale == 1.0)):
        return None
    name = draft.constant(matrix / scale[:, None], op.matrix)
    rows = draft.emit(lambda out: MatVec(out, op.sources, name, op.places), f"{op.out}.rows", op.out)
    scale = np.repeat(scale, draft.size(op.out) // max(len(matrix), 1))
    return Mul(op.out, rows, draft.constant(scale, f"{op.out}.scale"))
