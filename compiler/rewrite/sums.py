"""sums: a tree of additions becomes one matrix product, the other terms in their order, and one constant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.graph.draft import Draft, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, MatVec, Mul, Op, Sub
from hw_models.arrays import Floats, slices_of


@dataclass(frozen=True)
class Term:
    """A signed term of a sum: a value or a constant."""

    name: str
    positive: bool = True


def sums(graph: Graph) -> Graph:
    """The constants of a sum become one, its matrix-vector products one over all their sources."""
    return rewrite(graph, _collect)


def terms(draft: Draft, name: str, take: Callable[[str], bool], positive: bool = True) -> list[Term]:
    """The terms that add up to a value, taking apart the sums that `take` allows."""
    definition = draft.definition(name)
    if not isinstance(definition, (Add, Sub)) or not take(name):
        return [Term(name, positive)]
    return operands(draft, definition, take, positive)


def operands(draft: Draft, op: Add | Sub, take: Callable[[str], bool], positive: bool = True) -> list[Term]:
    """The terms of an addition or subtraction."""
    second = positive if isinstance(op, Add) else not positive
    return terms(draft, op.a, take, positive) + terms(draft, op.b, take, second)


def constant_of(draft: Draft, parts: Sequence[Term]) -> tuple[Floats, list[Term]]:
    """The sum of the constant terms, and the others."""
    total: Floats = np.zeros(1)
    others: list[Term] = []
    for term in parts:
        array = draft.array(term.name)
        if array is None:
            others.append(term)
        else:
            total = total + (array if term.positive else -array)
    return total, others


def emit_sum(draft: Draft, parts: Sequence[Term], name: str, like: str) -> str:
    """Emit the sum of one or more values: positive terms in order, then the negative ones. Returns its name."""
    ordered = [t for t in parts if t.positive] + [t for t in parts if not t.positive]
    so_far = ordered[0].name
    if not ordered[0].positive:
        minus = draft.constant(np.array([-1.0]), "-1")
        so_far = draft.emit(_make(Mul, so_far, minus), name, like)
    for term in ordered[1:]:
        so_far = draft.emit(_make(Add if term.positive else Sub, so_far, term.name), name, like)
    return so_far


def _make(kind: type[Add] | type[Sub] | type[Mul], a: str, b: str) -> Callable[[str], Op]:
    return lambda out: kind(out, a, b)


def _collect(draft: Draft, op: Op) -> Op | str | None:
    if not isinstance(op, (Add, Sub)):
        return None
    parts = operands(draft, op, draft.own)
    constants = [t for t in parts if draft.array(t.name) is not None]
    products = [t for t in parts if _is_product(draft.definition(t.name)) and draft.own(t.name)]
    if len(constants) < 2 and len(products) < 2:
        return None
    total, others = constant_of(draft, parts)
    if len(products) >= 2:
        merged = _merge(draft, products, op.out)
        others = [Term(merged), *(t for t in others if t not in products)]
    if not others:  # only constants: fold has them
        return None
    if not total.any():
        return emit_sum(draft, others, op.out, op.out)
    name = constants[0].name if len(constants) == 1 and constants[0].positive else f"{op.out}.bias"
    summed = emit_sum(draft, others, f"{op.out}.sum", op.out)
    return Add(op.out, summed, draft.constant(total, name))


def _is_product(op: Op | None) -> bool:
    """Whether an op is a product with one matrix: that of a convolution has other columns at each place."""
    return isinstance(op, MatVec) and op.places is None


def _merge(draft: Draft, products: Sequence[Term], like: str) -> str:
    """One MatVec for a sum of several; sources that occur twice get the sum of their columns."""
    columns: dict[str, Floats] = {}
    for term in products:
        definition = draft.definition(term.name)
        if isinstance(definition, MatVec):
            matrix = reals(draft, definition.matrix)
            for source, own in zip(definition.sources, slices_of(map(draft.size, definition.sources)), strict=True):
                part = matrix[:, own] if term.positive else -matrix[:, own]
                columns[source] = columns[source] + part if source in columns else part
    matrix = draft.constant(np.concatenate(list(columns.values()), axis=1), f"{like}.matrix")
    return draft.emit(lambda out: MatVec(out, tuple(columns), matrix), products[0].name, like)
