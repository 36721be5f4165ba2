"""leaks: a state that keeps nearly all of itself is written as a step from where it is, so that k and 1 - k agree.

What a state has become after some sub-steps, the state and a step, is taken as the state is: the steps add up, with
fraction bits of their own, and only their sum is added to the state.
"""

from __future__ import annotations

import numpy as np

from compiler.graph.draft import Draft, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, MatVec, Max, Min, Mul, Op, Select, StateRead, StateWrite, Sub
from compiler.rewrite.sums import Term, emit_sum, operands
from hw_models.arrays import Floats, slices_of

SLOW = 1 / 32
"""Where less than this of a state leaks in a step, k of 15 bits is off by more than 0.1 % of 1 - k."""
SLOW_ROW, FAR = 1 / 4, 1 / 2
"""The same of a matrix's row, whose weights have 8 bits; where the rows leak more than the second, it stays."""
ALIKE = 2.0**-20
"""Two factors that differ by no more of themselves were rounded in float32 from one number."""


def leaks(graph: Graph) -> Graph:
    """k*v + a -> v + (a - (1-k)*v), k*v + (1-k)*x and x + k*(v-x) -> v + (1-k)*(x-v): v a state and k nearly 1."""
    return rewrite(graph, between, implicit, slow_matrix, leak, steps_together)


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
            return _onto(draft, op.out, v, moved)
        drain = draft.constant(1.0 - keep, f"{op.out}.drain")
        drained = draft.emit(lambda out, v=v, b=drain: Mul(out, v, b), f"{op.out}.drained", op.out)
        step = draft.emit(lambda out, a=moved, b=drained: Sub(out, a, b), f"{op.out}.step", op.out)
        return _onto(draft, op.out, v, step)
    return None


def implicit(draft: Draft, op: Op) -> Op | None:
    """(q*v + a) * k -> v + (k*a - (1 - q*k)*v), q*k nearly 1: what an implicit step divides by."""
    k = draft.array(op.b) if isinstance(op, Mul) else None
    if not isinstance(op, Mul) or k is None or not draft.own(op.a) or not _becomes_state(draft, op.out):
        return None
    total = draft.definition(op.a)
    if not isinstance(total, (Add, Sub)) or _others_have_it(draft, op, total):
        return None
    found = [(term, *_kept(draft, term)) for term in operands(draft, total, draft.own)]
    for v in dict.fromkeys(v for _, v, _ in found if v is not None):
        keep = k * sum((q for _, of, q in found if of == v), np.zeros(1))
        if _slow(keep):
            rest = [_by(draft, term, k, op.out) for term, of, _ in found if of != v]
            return _onto(draft, op.out, v, _step(draft, op.out, v, 1.0 - keep, rest))
    return None


def _others_have_it(draft: Draft, op: Mul, total: Add | Sub) -> bool:
    """Whether the product is part of a sum that another rule knows: x + k*(v-x), and k*v + a."""
    sums = [reader for _, reader in draft.readers.get(op.out, ()) if isinstance(reader, (Add, Sub))]
    if isinstance(total, Sub):
        return any(total.b in reader.operands for reader in sums)
    return bool(sums) and _near_state(draft, op.a)


def _by(draft: Draft, term: Term, k: Floats, like: str) -> Term:
    """The term times k, a factor that it has already joined to it."""
    definition, x, factor = draft.definition(term.name), term.name, k
    if isinstance(definition, Mul) and draft.own(term.name):
        c = draft.array(definition.b)
        if c is not None:
            x, factor = definition.a, c * k
    constant = draft.constant(factor, f"{like}.factor")
    return Term(draft.emit(lambda out: Mul(out, x, constant), f"{like}.part", like), term.positive)


def slow_matrix(draft: Draft, op: Op) -> Op | None:
    """A*v + B*x -> v + ((A-I)*v + B*x): v a state, and A nearly the identity."""
    if not isinstance(op, MatVec) or op.places is not None or not _becomes_state(draft, op.out):
        return None
    matrix = reals(draft, op.matrix)
    for source, columns in zip(op.sources, slices_of(map(draft.size, op.sources)), strict=True):
        if draft.size(source) == len(matrix) and _near_state(draft, source):
            own = np.diagonal(matrix[:, columns])
            if np.all(np.abs(1.0 - own) <= FAR) and np.any((own != 1.0) & (np.abs(1.0 - own) < SLOW_ROW)):
                less = matrix.copy()
                less[:, columns] -= np.eye(len(matrix))
                name = draft.constant(less, op.matrix)
                step = draft.emit(lambda out: MatVec(out, op.sources, name), f"{op.out}.step", op.out)  # noqa: B023
                return _onto(draft, op.out, source, step)
    return None


def steps_together(draft: Draft, op: Op) -> Op | None:
    """(v + s) + w -> v + (s + w): small steps add up before the state's LSB is met."""
    if not isinstance(op, (Add, Sub)) or not _becomes_state(draft, op.out):
        return None
    sides = ((op.a, op.b), (op.b, op.a)) if isinstance(op, Add) else ((op.a, op.b),)
    if any(_is_state(draft, v) for v, _ in sides):
        return None
    for near, more in sides:
        if _near_state(draft, near) and (draft.own(near) or _small(draft, more)):
            return _onto(draft, op.out, near, more, type(op))
    return None


def _small(draft: Draft, name: str) -> bool:
    """Whether a term is a small step: a small share of something."""
    definition = draft.definition(name)
    if isinstance(definition, (Add, Sub)):
        return _small(draft, definition.a) and _small(draft, definition.b)
    if isinstance(definition, MatVec):
        return bool(np.abs(reals(draft, definition.matrix)).max(initial=0.0) < SLOW_ROW)
    c = draft.array(definition.b) if isinstance(definition, Mul) else draft.array(name)
    return c is not None and bool(np.all(np.abs(c) < SLOW))


def _onto(draft: Draft, out: str, near: str, step: str, kind: type[Add] | type[Sub] = Add) -> Op:
    """The step added to a state, or to what it has become by other steps: those then come first."""
    if _is_state(draft, near):
        return kind(out, near, step)
    v, before = _parts(draft, near)
    return Add(out, v, draft.emit(lambda name: kind(name, before, step), f"{out}.steps", out))


def _near_state(draft: Draft, name: str) -> bool:
    """Whether a value is a state, or a state and a step."""
    return _is_state(draft, name) or bool(_parts(draft, name)[0])


def _parts(draft: Draft, name: str) -> tuple[str, str]:
    """The state and the step that add up to a value, as these rules write them; empty where they do not."""
    definition = draft.definition(name)
    if isinstance(definition, Add) and draft.here(name) and _is_state(draft, definition.a):
        return definition.a, definition.b
    return "", ""


def _becomes_state(draft: Draft, name: str) -> bool:
    """Whether a value is what a state becomes, after choices, limits and further terms."""
    for _, op in draft.readers.get(name, ()):
        if isinstance(op, StateWrite):
            return True
        passes = name in may_be(op) or (isinstance(op, Mul) and _nearly_one(draft, op.b))
        if passes and _becomes_state(draft, op.result or ""):
            return True
    return False


def may_be(op: Op | None) -> tuple[str, ...]:
    """The operands that a result may be, or be a step from: those of choices and limits, and terms."""
    if isinstance(op, (Add, Min, Max, Select)):
        return op.a, op.b
    return (op.a,) if isinstance(op, Sub) else ()


def _nearly_one(draft: Draft, name: str) -> bool:
    k = draft.graph.constants.get(name)
    return k is not None and _slow(np.asarray(k, np.float64))


def _slow(k: Floats) -> bool:
    """Whether k is nearly, but not quite, 1 for any neuron."""
    return bool(np.any((k != 1.0) & (np.abs(1.0 - k) < SLOW)))


def leak(draft: Draft, op: Op) -> Op | None:
    """The sum as a small step from where the state is: 1 - k has fraction bits of its own, and is rounded once."""
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
            return _onto(draft, op.out, v, _step(draft, op.out, v, 1.0 - keep, rest))
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
        return emit_sum(draft, [Term(moved), *others], f"{like}.step", like) if others else moved
    leaked = draft.emit(lambda out: Mul(out, v, factor), f"{like}.leaked", like)
    return emit_sum(draft, [*rest, Term(leaked, positive=False)], f"{like}.step", like) if rest else leaked


def _kept(draft: Draft, term: Term) -> tuple[str | None, Floats]:
    """v and k where the term is k * v, or v itself, of a state; no v otherwise."""
    sign = 1.0 if term.positive else -1.0
    if _near_state(draft, term.name):
        return term.name, np.array([sign])
    product = draft.definition(term.name)
    if isinstance(product, Mul) and _near_state(draft, product.a):
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
