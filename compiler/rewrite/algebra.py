"""algebra: named identities of the reals, one function a rule."""

from __future__ import annotations

import numpy as np

from compiler.graph.draft import Draft, Floats, rewrite
from compiler.graph.graph import Graph, TimeConstant
from compiler.graph.ops import Add, Div, Mul, Op, StateRead, StateWrite, Sub
from compiler.rewrite.fold import product
from compiler.rewrite.sums import Term, add_up, constant_of, terms


def algebra(graph: Graph) -> Graph:
    """x*c*d -> x*(c*d); (x+c)*d -> x*d + c*d; f*(1-q) + g*q -> f + q*(g-f)."""
    return rewrite(graph, products, affine, blend)


def increment(graph: Graph) -> Graph:
    """(k*v + a) / (k + b) -> v + (a - b*v) / (k + b), where v is the state that it becomes."""
    return rewrite(graph, increment_form)


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
    return Mul(op.out, inner.a, draft.constant(c * d, product(inner.b, op.b, op.out)))


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
    return Add(op.out, scaled, draft.constant(c * d, product(name, op.b, f"{op.out}.offset")))


def blend(draft: Draft, op: Op) -> Op | None:
    """f * (1 - q) + g * q -> f + q * (g - f): one product, and no 1 - q."""
    if not isinstance(op, Add):
        return None
    for first, second in ((op.a, op.b), (op.b, op.a)):
        left, right = draft.definition(first), draft.definition(second)
        if not (isinstance(left, Mul) and isinstance(right, Mul) and draft.own(first) and draft.own(second)):
            continue
        for f, rest in ((left.a, left.b), (left.b, left.a)):
            q = _one_minus(draft, rest)
            if q is None or q not in (right.a, right.b):
                continue
            g = right.b if right.a == q else right.a
            difference = draft.emit(lambda out, f=f, g=g: Sub(out, g, f), f"{op.out}.difference", op.out)
            part = draft.emit(lambda out, d=difference, q=q: Mul(out, d, q), f"{op.out}.part", op.out)
            return Add(op.out, part, f)
    return None


def _one_minus(draft: Draft, name: str) -> str | None:
    """q where the value is 1 - q."""
    definition = draft.definition(name)
    if isinstance(definition, Sub):
        one = draft.array(definition.a)
        return definition.b if one is not None and bool(np.all(one == 1.0)) else None
    if isinstance(definition, Add):
        one, inner = draft.array(definition.b), draft.definition(definition.a)
        if one is not None and bool(np.all(one == 1.0)) and isinstance(inner, Mul):
            minus = draft.array(inner.b)
            return inner.a if minus is not None and bool(np.all(minus == -1.0)) else None
    return None


def increment_form(draft: Draft, op: Op) -> Op | None:
    """The quotient of a semi-implicit Euler step as a small step from where the state is.

    The quotient is small, so its rounding does not touch the state, and a wrong reciprocal changes only the
    time constant. Records the state's time constant. k is a constant, or a value where the time of a sample is one.
    """
    if not isinstance(op, Div):
        return None
    state = _written_by(draft, op.out)
    if state is None:
        return None
    k: Floats = np.zeros(1)
    v: str | None = None
    rest: list[Term] = []
    varying: list[str] = []
    denominator = terms(draft, op.b, _always)
    for term in terms(draft, op.a, _always):
        read, factor = _times_state(draft, term, state, denominator)
        if isinstance(factor, str):
            v = read
            varying.append(factor)
        elif factor is not None:
            v, k = read, k + factor
        else:
            rest.append(term)
    fixed, moving = constant_of(draft, [t for t in denominator if t.name not in varying])
    size = draft.size(op.out)
    fixed, k = np.broadcast_to(fixed, (size,)), np.broadcast_to(k, (size,))
    leak = np.where(np.abs(fixed - k) <= 4 * np.finfo(float).eps * np.abs(fixed), 0.0, fixed - k)
    if v is None or bool(varying) == bool(k.any()) or len(varying) > 1 or not moving:
        return None
    if bool(np.any((leak < 0.0) | (k < 0.0))):
        return None

    def plus(parts: list[Term], array: Floats, name: str, constant: str) -> str:
        if not array.any():
            return add_up(draft, parts, name, op.out)
        total = add_up(draft, parts, f"{name}.synaptic", op.out)
        added = draft.constant(array, constant)
        return draft.emit(lambda out: Add(out, total, added), name, op.out)

    conductance = plus(moving, leak, f"{state}.conductance", f"{state}.leak")
    keep = varying[0] if varying else draft.constant(k, f"{state}.keep")
    total = draft.emit(lambda out: Add(out, conductance, keep), f"{state}.total", op.out)
    drain = draft.emit(lambda out: Mul(out, conductance, v), f"{state}.drain", op.out)
    current, values = constant_of(draft, rest)
    if values:
        drive = plus(values, np.broadcast_to(current, (size,)), f"{state}.drive", f"{state}.rest")
        net = draft.emit(lambda out: Sub(out, drive, drain), f"{state}.current", op.out)
    else:
        source = draft.constant(np.broadcast_to(current, (size,)), f"{state}.rest")
        net = draft.emit(lambda out: Sub(out, source, drain), f"{state}.current", op.out)
    step = draft.emit(lambda out: Div(out, net, total), f"{state}.increment", op.out)
    draft.time_constants.append(TimeConstant(state, keep, total, draft.block.repeat))
    return Add(op.out, v, step)


def _always(name: str) -> bool:
    return True  # also what was hoisted: hoist takes it out of the block again


def _written_by(draft: Draft, name: str) -> str | None:
    """The state that a value becomes when this iteration ends."""
    for op in draft.block.ops:
        if isinstance(op, StateWrite) and op.x == name:
            return op.state
    return None


def _times_state(
    draft: Draft, term: Term, state: str, denominator: list[Term]
) -> tuple[str, Floats | str | None] | tuple[None, None]:
    """v and k where the term is k * v, v is the state as this iteration found it, and a k that is a value is a term of
    the `denominator`, too."""

    def is_state(name: str) -> bool:
        read = draft.definition(name)
        return isinstance(read, StateRead) and read.state == state and draft.here(name)

    if is_state(term.name):
        return term.name, np.ones(1) if term.positive else -np.ones(1)
    product = draft.definition(term.name)
    if not isinstance(product, Mul):
        return None, None
    for v, k in ((product.a, product.b), (product.b, product.a)):
        if is_state(v):
            array = draft.array(k)
            if array is not None:
                return v, array if term.positive else -array
            if term.positive and Term(k) in denominator:
                return v, k
    return None, None
