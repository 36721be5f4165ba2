"""algebra: named identities of the reals, one function a rule."""

from __future__ import annotations

import numpy as np

from compiler.graph.draft import Draft, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Mul, Op, Sub
from compiler.rewrite.fold import product_name


def algebra(graph: Graph) -> Graph:
    """x*c*d -> x*(c*d); (x+c)*d -> x*d + c*d; 1 - (1-q) -> q; f*(1-q) + g*q -> f + q*(g-f)."""
    return rewrite(graph, products, affine, twice, blend)


def products(draft: Draft, op: Op) -> Op | None:
    """(x * c) * d -> x * (c * d)."""
    if not isinstance(op, Mul):
        return None
    d, inner = draft.array(op.b), draft.definition(op.a)
    if d is None or not isinstance(inner, Mul):
        return None
    c = draft.array(inner.b)
    if c is None:
        return None
    return Mul(op.out, inner.a, draft.constant(c * d, product_name(inner.b, op.b, op.out)))


def affine(draft: Draft, op: Op) -> Op | None:
    """(x + c) * d -> x * d + c * d, and (c - x) * d -> x * -d + c * d: `s * (v - m)` becomes `S * v + T`."""
    if not isinstance(op, Mul) or not draft.own(op.a):
        return None
    d, inner = draft.array(op.b), draft.definition(op.a)
    if d is None:
        return None
    if isinstance(inner, Add):
        x, name, slope, slope_name = inner.a, inner.b, d, op.b
    elif isinstance(inner, Sub):
        x, name, slope, slope_name = inner.b, inner.a, -d, f"-{op.b}"
    else:
        return None
    c = draft.array(name)
    if c is None:
        return None
    scale = draft.constant(slope, slope_name)
    scaled = draft.emit(lambda out: Mul(out, x, scale), f"{op.out}.product", op.out)
    return Add(op.out, scaled, draft.constant(c * d, product_name(name, op.b, f"{op.out}.offset")))


def twice(draft: Draft, op: Op) -> str | None:
    """1 - (1 - q) -> q: the share that a gate lets through, whose fraction bits are its own."""
    if not isinstance(op, Sub) or not _is_one(draft, op.a):
        return None
    q = one_minus(draft, op.b)
    return q if q is not None and draft.size(q) == draft.size(op.out) else None


def blend(draft: Draft, op: Op) -> Op | None:
    """f * (1 - q) + g * q -> f + q * (g - f): one product, and no 1 - q."""
    if not isinstance(op, Add):
        return None
    for first, second in ((op.a, op.b), (op.b, op.a)):
        left, right = draft.definition(first), draft.definition(second)
        if not (isinstance(left, Mul) and isinstance(right, Mul) and draft.own(first) and draft.own(second)):
            continue
        for f, rest in ((left.a, left.b), (left.b, left.a)):
            q = one_minus(draft, rest)
            if q is None or q not in (right.a, right.b):
                continue
            g = right.b if right.a == q else right.a
            difference = draft.emit(lambda out, f=f, g=g: Sub(out, g, f), f"{op.out}.difference", op.out)
            part = draft.emit(lambda out, d=difference, q=q: Mul(out, d, q), f"{op.out}.part", op.out)
            return Add(op.out, part, f)
    return None


def one_minus(draft: Draft, name: str) -> str | None:
    """q where the value is 1 - q."""
    definition = draft.definition(name)
    if isinstance(definition, Sub):
        return definition.b if _is_one(draft, definition.a) else None
    if isinstance(definition, Add):
        inner = draft.definition(definition.a)
        if _is_one(draft, definition.b) and isinstance(inner, Mul):
            minus = draft.array(inner.b)
            return inner.a if minus is not None and bool(np.all(minus == -1.0)) else None
    return None


def _is_one(draft: Draft, name: str) -> bool:
    array = draft.array(name)
    return array is not None and bool(np.all(array == 1.0))
