"""fold: what only constants determine becomes a constant; identities go; constants stand on the right."""

from __future__ import annotations

import re

import numpy as np

from compiler.graph.draft import Draft, integers, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Apply, Compare, Div, Elementwise, Gather, Linear, Mul, Op, Relation, Select, Sub
from compiler.interpreters.execution import Frame
from compiler.interpreters.float64 import KERNELS
from hw_models.arrays import Floats

LONGEST_NAME = 120
"""a constant's derived name is at most so long; then the value's own name takes its place"""


def fold(graph: Graph) -> Graph:
    """Constants are computed; x*1, x+0, x-0 go; x/c becomes x*(1/c) and x-c becomes x+(-c)."""
    return rewrite(graph, _evaluate, _order, unchanged_operand)


def _evaluate(draft: Draft, op: Op) -> str | None:
    if not isinstance(op, (Elementwise, Linear)) or any(draft.array(n) is None for n in op.operands):
        return None
    result = op.result or ""
    view = Graph((), draft.values, draft.constants)
    arrays = {n: c.reshape(-1, 1) if c.ndim == 1 else c for n, c in draft.constants.items() if n in _names(op)}
    computed = KERNELS(op, view)(Frame(dict(arrays), np.zeros((0, 1))))
    return draft.constant(np.broadcast_to(computed[:, 0], (draft.size(result),)), _describe(op, result))


def _names(op: Op) -> set[str]:
    return {*op.operands, *op.arrays}


def _describe(op: Op, result: str) -> str:
    if isinstance(op, Apply):
        return short(f"{op.function}({op.x})", result)
    signs = {Add: "+", Sub: "-", Mul: "*", Div: "/"}
    if isinstance(op, (Add, Sub, Mul, Div)):
        return product_name(op.a, op.b, result, signs[type(op)])
    return result


def product_name(a: str, b: str, otherwise: str, sign: str = "*") -> str:
    """How a constant was made: `a*b`; `otherwise` where that grows too long.

    >>> product_name("softplus(w)", "mask", "x"), product_name("a+b", "c", "x")
    ('softplus(w)*mask', '(a+b)*c')
    """
    return short(f"{_bracketed(a)}{sign}{_bracketed(b)}", otherwise)


def short(name: str, otherwise: str) -> str:
    """`name`, or `otherwise` where it is too long to be read."""
    return name if len(name) <= LONGEST_NAME else otherwise


def _bracketed(name: str) -> str:
    outside = re.sub(r"\([^()]*\)", "", name)
    return f"({name})" if re.search(r"[-+*/]", outside) else name


def _order(draft: Draft, op: Op) -> Op | None:
    if isinstance(op, (Add, Mul)) and draft.array(op.a) is not None and draft.array(op.b) is None:
        return type(op)(op.out, op.b, op.a)
    if isinstance(op, Sub):
        b = draft.array(op.b)
        if b is not None:
            return Add(op.out, op.a, draft.constant(-b, short(f"-{_bracketed(op.b)}", op.out)))
        a = draft.array(op.a)
        if a is not None and not a.any():
            return Mul(op.out, op.b, draft.constant(np.array([-1.0]), "-1"))
    if isinstance(op, Div):
        b = draft.array(op.b)
        if b is not None and b.all():
            return Mul(op.out, op.a, draft.constant(1.0 / b, short(f"1/{_bracketed(op.b)}", op.out)))
    if isinstance(op, Add):
        factor = _factor(draft, op.b)
        if factor is not None:
            return Sub(op.out, op.a, factor)
    return None


def _factor(draft: Draft, name: str) -> str | None:
    """x where the value is x * -1."""
    definition = draft.definition(name)
    if isinstance(definition, Mul):
        c = draft.array(definition.b)
        if c is not None and bool(np.all(c == -1.0)):
            return definition.a
    return None


def unchanged_operand(draft: Draft, op: Op) -> str | None:
    """The operand that an op returns unchanged, or 0."""
    if isinstance(op, (Add, Mul)):
        c = draft.array(op.b)
        if c is not None and _all(c, 0.0 if isinstance(op, Add) else 1.0):
            return op.a
        if c is not None and isinstance(op, Mul) and _all(c, 0.0):
            return draft.constant(np.zeros(draft.size(op.out)), "0")
    if isinstance(op, Compare) and op.a == op.b:  # the chip's numbers are never NaN
        holds = 0.0 if op.relation is Relation.LESS else 1.0
        return draft.constant(np.full(draft.size(op.out), holds), f"{holds:g}")
    if isinstance(op, Select):
        condition = draft.array(op.condition)
        if condition is not None and (condition.all() or not condition.any()):
            chosen = op.a if condition.all() else op.b
            return chosen if draft.size(chosen) == draft.size(op.out) else None
    if isinstance(op, Gather) and len(op.sources) == 1:
        index = integers(draft, op.index)
        if index.size == draft.size(op.sources[0]) and bool(np.array_equal(index, np.arange(index.size))):
            return op.sources[0]
    return None


def _all(c: Floats, number: float) -> bool:
    return bool(np.all(c == number))
