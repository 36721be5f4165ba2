"""slices: a matrix-vector product that is only read slice by slice, such as the gates of an LSTM side by side.

As one vector it would be a population of its own that hands its slices on to those who read them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.graph.draft import Draft, integers, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Gather, MatVec, Mul, Op


def slices(graph: Graph) -> Graph:
    """A product with a matrix that is only read in slices becomes one product a slice, with a part of the rows."""
    return rewrite(graph, _slice)


def _slice(draft: Draft, op: Op) -> Op | None:
    if not isinstance(op, Gather) or len(op.sources) != 1:
        return None
    maps, product = _behind(draft, op.sources[0])
    if product is None or not _only_in_slices(draft, op.sources[0], product):
        return None
    index = integers(draft, op.index)
    rows = draft.constant(reals(draft, product.matrix)[index], product.matrix)
    made: Op = MatVec(op.out, product.sources, rows)
    for step in reversed(maps):
        name = f"{op.out}.product"
        x = draft.emit(lambda out, made=made: made.renamed(lambda n: out if n == op.out else n), name, op.out)
        c = reals(draft, step.b)
        made = type(step)(op.out, x, step.b if c.size == 1 else draft.constant(c[index], step.b))
    return made


def _behind(draft: Draft, name: str) -> tuple[Sequence[Add | Mul], MatVec | None]:
    """The factors and biases between a value and the product that it is made of, the last one first."""
    maps: list[Add | Mul] = []
    op = draft.definition(name)
    while isinstance(op, (Add, Mul)) and op.b in draft.constants and draft.own(op.a):
        maps.append(op)
        op = draft.definition(op.a)
    return maps, op if isinstance(op, MatVec) and op.places is None and draft.here(op.out) else None


def _only_in_slices(draft: Draft, name: str, product: MatVec) -> bool:
    """Whether all that read the value are slices of it, and no row of the matrix is wanted twice."""
    readers = [op for _, op in draft.readers.get(name, [])]
    taken = [integers(draft, op.index) for op in readers if isinstance(op, Gather) and op.sources == (name,)]
    if len(taken) < len(readers):
        return False
    index = np.concatenate(taken)
    return np.unique(index).size == index.size
