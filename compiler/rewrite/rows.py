"""rows_out: a matrix's rows are brought to one size, their factors become a product behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Graph
from compiler.graph.ops import MatVec, Mul, Op
from compiler.rewrite.draft import Draft, reals, rewrite

Floats: TypeAlias = npt.NDArray[np.float64]
Columns: TypeAlias = Callable[[Floats, list[int]], Floats]


def rows_out(graph: Graph, top: float = 1.0, columns: Columns | None = None) -> Graph:
    """M x -> (M / s) x * s, such that the largest magnitude of each row of M / s is `top`.

    `columns(matrix, sizes)` weighs the columns for that, given the sizes of the sources; without it all count alike.

    Not one of `PASSES`, for `compose` undoes it: `quantize` calls it last, so that the weights of every row
    use the synapses' whole range. A product whose rows already have one size stays.
    """
    return rewrite(graph, lambda draft, op: _row_scales(draft, op, top, columns))


def _row_scales(draft: Draft, op: Op, top: float, columns: Columns | None) -> Op | None:
    if not isinstance(op, MatVec):
        return None
    matrix = reals(draft, op.matrix)
    sizes = [draft.size(s) for s in op.sources] if op.places is None else [matrix.shape[1]]
    weighed = matrix if columns is None else matrix * columns(matrix, sizes)
    largest = np.abs(weighed).max(axis=1, initial=0.0)
    scale = np.where(largest > 0.0, largest / top, 1.0)
    if bool(np.all(scale == 1.0)):
        return None
    name = draft.constant(matrix / scale[:, None], op.matrix)
    rows = draft.emit(lambda out: MatVec(out, op.sources, name, op.places), f"{op.out}.rows", op.out)
    scale = np.repeat(scale, draft.size(op.out) // max(len(matrix), 1))
    return Mul(op.out, rows, draft.constant(scale, f"{op.out}.scale"))
