"""rows_out: a matrix's rows are brought to one size, their factors become a product behind it."""

from __future__ import annotations

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import MatVec, Mul, Op
from compiler.rewrite.draft import Draft, rewrite


def rows_out(graph: Graph) -> Graph:
    """M x -> (M / s) x * s, where s is the largest magnitude of each row.

    Not one of `PASSES`, for `compose` undoes it: `quantize` calls it last, so that the weights of every row
    use the synapses' whole range. A product whose rows already have one size stays.
    """
    return rewrite(graph, _row_scales)


def _row_scales(draft: Draft, op: Op) -> Op | None:
    if not isinstance(op, MatVec):
        return None
    matrix = draft.constants[op.matrix]
    largest = np.abs(matrix).max(axis=1, initial=0.0)
    scale = np.where(largest > 0.0, largest, 1.0)
    if bool(np.all(scale == 1.0)):
        return None
    name = draft.constant(matrix / scale[:, None], op.matrix)
    rows = draft.emit(lambda out: MatVec(out, op.sources, name), f"{op.out}.rows", op.out)
    return Mul(op.out, rows, draft.constant(scale, f"{op.out}.scale"))
