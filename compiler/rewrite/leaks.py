"""leaks: a state that keeps nearly all of itself is written as a step from where it is, so that k and 1 - k agree."""

from __future__ import annotations

import numpy as np

from compiler.graph.draft import Draft, Floats, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Max, Min, Mul, Op, Select, StateRead, StateWrite, Sub
from compiler.rewrite.sums import Term, add_up, operands

SLOW = 1 / 32
"""Where less than this of a state leaks in a step, k of 15 digits is off by more than 0.1 % of 1 - k."""
ALIKE = 2.0**-20
"""Two factors that differ by no more of themselves were rounded in float32 from one number."""


def leaks(graph: Graph) -> Graph:
    """k*v + a -> v + (a - (1-k)*v), k*v + (1-k)*x and x + k*(v-x) -> v + (1-k)*(x-v): v a state and k nearly 1."""
    return rewrite(graph, between, leak)


def between(draft: Draft, op: Op) -> Op | None:
    """x + k * (v - x) -> v + (1-k) * (x - v)."""
    if not isinstance(op, Add):
        return None
    for x, product in ((op.a, op.b), (op.b, op.a)):
        part = draft.definition(product)
        gap = draft.definition(part.a) if isinstance(part, Mul) and draft.own(product) else None
        k = draft.array(part.b) if isinstance(part, Mul) else None
        if not (isinstance(gap, Sub) and gap.b == x and k is not None and _slow(k)):
            continue
        v, keep = _kept(draft, Term(gap.a))
        if v is None:
            continue
        away = draft.emit(lambda out, x=x, left=gap.a: Sub(out, x, left), f"{op.out}.gap", op.out)
        factor = draft.constant(1.0 - k, f"{op.out}.leak")
        moved = draft.emit(lambda out, a=away, b=factor: Mul(out, a, b), f"{op.out}.moved", op.out)
        if np.all(keep == 1.0):
            return Add(op.out, v, moved)
        drain = draft.constant(1.0 - keep, f"{op.out}.drain")
        drained = draft.emit(lambda out, v=v, b=drain: Mul(out, v, b), f"{op.out}.drained", op.out)
        return Add(op.out, v, draft.emit(lambda out, a=moved, b=drained: Sub(out, a, b), f"{op.out}.step", op.out))
    return None


def _becomes_state(draft: Draft, name: str) -> bool:
    """Whether a value is what a state becomes, behind choices, limits and further terms."""
    for _, op in draft.readers.get(name, ()):
        if isinstance(op, StateWrite):
            return True
        passes = isinstance(op, (Add, Min, Max)) or (isinstance(op, Select) and name != op.condition)
        if (passes or (isinstance(op, Sub) and name == op.a)) and _becomes_state(draft, op.result or ""):
            return True
    return False


def _slow(k: Floats) -> bool:
    """Whether k is nearly, but not quite, 1 for any neuron."""
    return bool(np.any((k != 1.0) & (np.abs(1.0 - k) < SLOW)))


def leak(draft: Draft, op: Op) -> Op | None:
    """The sum as a small step from where the state is: 1 - k has digits of its own, and is rounded once."""
    if not isinstance(op, (Add, Sub)) or (isinstance(op, Add) and (_is_state(draft, op.a) or _is_state(draft, op.b))):
        return None
    if not _becomes_state(draft, op.out):
        return None
    parts = operands(draft, op, draft.own)
    found = [(term, *_kept(draft, term)) for term in parts]
    for v in dict.fromkeys(v for _, v, _ in found if v is not None):
        keep = sum((k for _, of, k in found if of == v), np.zeros(1))
        if _slow(keep):
            rest = [term for term, of, _ in found if of != v]
            return Add(op.out, v, _step(draft, op.out, v, 1.0 - keep, rest))
    return None


def _step(draft: Draft, like: str, v: str, lost: Floats, rest: list[Term]) -> str:
    """rest - lost * v, the factor taken out of a term of `rest` that has the same one."""
    shared = next((term for term in rest if _times(draft, term, lost) is not None), None)
    x = None if shared is None else _times(draft, shared, lost)
    others = [term for term in rest if term is not shared]
    sign = 1.0 if rest else -1.0
    factor = draft.constant(sign * lost, f"{like}.leak")
    if x is not None:
        gap = draft.emit(lambda out: Sub(out, x, v), f"{like}.gap", like)
        moved = draft.emit(lambda out: Mul(out, gap, factor), f"{like}.moved", like)
        return add_up(draft, [Term(moved), *others], f"{like}.step", like) if others else moved
    leaked = draft.emit(lambda out: Mul(out, v, factor), f"{like}.leaked", like)
    return add_up(draft, [*rest, Term(leaked, positive=False)], f"{like}.step", like) if rest else leaked


def _kept(draft: Draft, term: Term) -> tuple[str | None, Floats]:
    """v and k where the term is k * v, or v itself, of a state; no v otherwise."""
    sign = 1.0 if term.positive else -1.0
    if _is_state(draft, term.name):
        return term.name, np.array([sign])
    product = draft.definition(term.name)
    if isinstance(product, Mul) and _is_state(draft, product.a):
        k = draft.array(product.b)
        if k is not None:
            return product.a, sign * k
    return None, np.zeros(1)


def _is_state(draft: Draft, name: str) -> bool:
    """Whether a value is a state as this iteration found it, which it writes."""
    read = draft.definition(name)
    if not isinstance(read, StateRead) or not draft.here(name):
        return False
    return any(isinstance(op, StateWrite) and op.state == read.state for op in draft.block.ops)


def _times(draft: Draft, term: Term, factor: Floats) -> str | None:
    """x where the term is x * factor."""
    definition = draft.definition(term.name)
    if not (term.positive and isinstance(definition, Mul) and draft.own(term.name)):
        return None
    c = draft.array(definition.b)
    same = c is not None and bool(np.all(np.abs(c - factor) <= ALIKE * np.abs(factor)))
    return definition.a if same else None
