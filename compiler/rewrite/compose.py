"""compose: chains of linear maps become one map, scales and biases around a matrix go into it or after it.

A matrix product is only multiplied out while that does not more than double the synapses: a narrow layer
between two wide ones stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from compiler.graph.draft import Draft, integers, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Gather, MatVec, Mul, Op, Output, SegmentSum
from compiler.rewrite.fold import product_name
from compiler.rewrite.in_units import at_each_place
from hw_models.arrays import Floats, Integers, located, slices_of

LARGEST_MATRIX = 10_000_000
"""a gather followed by a sum becomes a matrix of at most this many elements"""
GROWTH = 2
"""a product of maps has at most this many times their synapses"""


def compose(graph: Graph) -> Graph:
    """Gather, SegmentSum and MatVec of one another become one map; constant factors join the matrix."""
    return rewrite(graph, _gather, _gather_of_map, _segment_sum, _mat_vec, _scaled_rows)


# --- gathers ---------------------------------------------------------------------------------------------


def _gather(draft: Draft, op: Op) -> Op | None:
    """A gather of gathers reads their sources; each source is read once, unread ones are dropped."""
    if not isinstance(op, Gather):
        return None
    index = integers(draft, op.index)
    owner, place = located(index, map(draft.size, op.sources))
    origin: list[tuple[str, npt.NDArray[np.bool_], Integers]] = []
    for number, source in enumerate(op.sources):
        mine = owner == number
        within = place[mine]
        inner = draft.definition(source)
        if not isinstance(inner, Gather):
            origin.append((source, mine, within))
            continue
        inner_index = integers(draft, inner.index)[within]
        inner_owner, inner_place = located(inner_index, map(draft.size, inner.sources))
        places = np.flatnonzero(mine)
        for inner_number, inner_source in enumerate(inner.sources):
            chosen = inner_owner == inner_number
            part = np.zeros(index.size, bool)
            part[places[chosen]] = True
            origin.append((inner_source, part, inner_place[chosen]))
    sources = tuple(dict.fromkeys(s for s, mine, _ in origin if mine.any()))
    if sources == op.sources or not sources:
        return None
    offset = dict(zip(sources, np.cumsum([0, *(draft.size(s) for s in sources)]), strict=False))
    composed = np.zeros(index.size, np.int64)
    for source, mine, within in origin:
        if mine.any():
            composed[mine] = within + offset[source]
    return Gather(op.out, sources, draft.constant(composed, op.index))


def _gather_of_map(draft: Draft, op: Op) -> Op | None:
    """A gather of x*c or x+c gathers x, where the factor or bias can then join another constant."""
    if not isinstance(op, Gather) or len(op.sources) != 1 or not draft.own(op.sources[0]):
        return None
    index = integers(draft, op.index)
    inner = draft.definition(op.sources[0])
    if isinstance(inner, MatVec):
        matrix = reals(draft, inner.matrix)
        if inner.places is not None:
            return None
        if np.count_nonzero(matrix[index]) <= np.count_nonzero(matrix):
            return MatVec(op.out, inner.sources, draft.constant(matrix[index], inner.matrix))
        return None
    if isinstance(inner, SegmentSum) and index.size == draft.size(inner.out) == np.unique(index).size:
        place = np.argsort(index)
        return SegmentSum(op.out, inner.x, draft.constant(place[integers(draft, inner.segment)], inner.segment))
    if not isinstance(inner, (Add, Mul)) or draft.host_side(inner.a):
        return None
    c = draft.array(inner.b)
    joins = (Mul, Output) if isinstance(inner, Mul) else (Add, Mul, Output)
    if c is None or not all(_joins(draft, reader, joins) for _, reader in draft.readers.get(op.out, [])):
        return None
    x, moved = inner.a, c if c.size == 1 else c[index]
    gathered = draft.emit(lambda out: Gather(out, (x,), op.index), op.out, op.out)
    return type(inner)(op.out, gathered, draft.constant(moved, inner.b))


def _joins(draft: Draft, op: Op, kinds: tuple[type[Op], ...]) -> bool:
    if not isinstance(op, kinds):
        return False
    return isinstance(op, Output) or any(n in draft.graph.constants for n in op.operands)


# --- sums ------------------------------------------------------------------------------------------------


def _segment_sum(draft: Draft, op: Op) -> Op | None:
    """A sum of a gather is a matrix; a sum of sums is a sum; a sum of a matrix's rows is a matrix."""
    if not isinstance(op, SegmentSum):
        return None
    segment, rows = integers(draft, op.segment), draft.size(op.out)
    inner = draft.definition(op.x)
    if isinstance(inner, SegmentSum):
        composed = segment[integers(draft, inner.segment)]
        return SegmentSum(op.out, inner.x, draft.constant(composed, op.segment)) if draft.own(op.x) else None
    if isinstance(inner, Gather):
        columns = sum(map(draft.size, inner.sources))
        if rows * columns > LARGEST_MATRIX:
            return None
        matrix = np.zeros((rows, columns))
        np.add.at(matrix, (segment, integers(draft, inner.index)), 1.0)
        return MatVec(op.out, inner.sources, draft.constant(matrix, f"{op.out}.matrix"))
    if isinstance(inner, MatVec) and inner.places is None and draft.own(op.x):
        matrix = _sum_rows(reals(draft, inner.matrix), segment, rows)
        return MatVec(op.out, inner.sources, draft.constant(matrix, inner.matrix))
    return None


def _sum_rows(matrix: Floats, segment: Integers, rows: int) -> Floats:
    total = np.zeros((rows, matrix.shape[1]))
    np.add.at(total, segment, matrix)
    return total


# --- matrices --------------------------------------------------------------------------------------------


@dataclass
class _ProductInTheMaking:
    """A matrix-vector product in the making: a matrix per source, and a bias."""

    bias: Floats
    columns: dict[str, Floats] = field(default_factory=dict)

    def add(self, source: str, matrix: Floats) -> None:
        """Add `matrix @ source`."""
        self.columns[source] = self.columns[source] + matrix if source in self.columns else matrix

    def add_all(self, draft: Draft, sources: Sequence[str], matrix: Floats) -> None:
        """Add `matrix @ concatenation(sources)`."""
        for source, own in zip(sources, slices_of(map(draft.size, sources)), strict=True):
            self.add(source, matrix[:, own])


def _mat_vec(draft: Draft, op: Op) -> Op | str | None:
    """Each source that is itself a map, a scaled or a shifted vector joins the matrix; one that adds 0 is left out."""
    if not isinstance(op, MatVec):
        return None
    if op.places is not None:
        return _moved(draft, op, integers(draft, op.places))
    matrix: Floats = reals(draft, op.matrix)
    made = _ProductInTheMaking(np.zeros(matrix.shape[0]))
    changed = len(set(op.sources)) < len(op.sources)
    for source, own in zip(op.sources, slices_of(map(draft.size, op.sources)), strict=True):
        if not _take_in(draft, made, source, matrix[:, own]):
            made.add(source, matrix[:, own])
        else:
            changed = True
    silent = [source for source, columns in made.columns.items() if not columns.any()]
    if not changed and not silent:
        return None
    for source in silent:
        del made.columns[source]
    if not made.columns:
        return draft.constant(made.bias, f"{op.out}.bias")
    name = draft.constant(np.concatenate(list(made.columns.values()), axis=1), op.matrix)
    if not made.bias.any():
        return MatVec(op.out, tuple(made.columns), name)
    summed = draft.emit(lambda out: MatVec(out, tuple(made.columns), name), f"{op.out}.product", op.out)
    return Add(op.out, summed, draft.constant(made.bias, f"{op.out}.bias"))


def _moved(draft: Draft, op: MatVec, places: Integers) -> Op | None:
    """A convolution of a gather has its places in the gather's source."""
    inner = draft.definition(op.sources[0])
    if not isinstance(inner, Gather) or len(inner.sources) != 1:
        return None
    index, edge = integers(draft, inner.index), draft.size(inner.sources[0])
    if np.unique(index).size < index.size:
        return None
    name = draft.constant(np.append(index, edge)[places], op.places or "")
    return MatVec(op.out, inner.sources, op.matrix, name)


def _take_in(draft: Draft, made: _ProductInTheMaking, source: str, part: Floats) -> bool:
    """Add `part @ source` in terms of what the source is made of; False where it stays a source."""
    constant = draft.array(source)
    if constant is not None:
        made.bias += part @ constant
        return True
    inner = draft.definition(source)
    if isinstance(inner, Gather):
        columns = sum(map(draft.size, inner.sources))
        if part.shape[0] * columns > LARGEST_MATRIX:
            return False
        made.add_all(draft, inner.sources, _sum_rows(part.T, integers(draft, inner.index), columns).T)
        return True
    if isinstance(inner, (Add, Mul)) and draft.uses[source] == 1:
        c = draft.array(inner.b)
        if c is None or draft.host_side(inner.a):
            return False
        made.add(inner.a, part * c if isinstance(inner, Mul) else part)
        if isinstance(inner, Add):
            made.bias += part @ np.broadcast_to(c, (part.shape[1],))
        return True
    if isinstance(inner, (MatVec, SegmentSum)) and draft.own(source):
        return _multiply(draft, made, inner, part)
    return False


def _multiply(draft: Draft, made: _ProductInTheMaking, inner: MatVec | SegmentSum, part: Floats) -> bool:
    if isinstance(inner, MatVec):
        if inner.places is not None:
            return False
        sources, matrix = inner.sources, reals(draft, inner.matrix)
        before, whole = np.count_nonzero(matrix), part @ matrix
    else:
        sources, segment = (inner.x,), integers(draft, inner.segment)
        before, whole = segment.size, part[:, segment]
    if np.count_nonzero(whole) > GROWTH * (before + np.count_nonzero(part)):
        return False
    made.add_all(draft, sources, whole)
    return True


def _scaled_rows(draft: Draft, op: Op) -> Op | None:
    """A factor per row joins the matrix."""
    if not isinstance(op, Mul) or not draft.own(op.a):
        return None
    c, inner = draft.array(op.b), draft.definition(op.a)
    if c is None or not isinstance(inner, MatVec):
        return None
    matrix = reals(draft, inner.matrix)
    factors = at_each_place(np.broadcast_to(c, (draft.size(op.out),)), len(matrix))
    if factors is None:
        return None
    name = draft.constant(matrix * factors[:, None], product_name(op.b, inner.matrix, inner.matrix))
    return MatVec(op.out, inner.sources, name, inner.places)
