"""increment: the quotient of a semi-implicit Euler step becomes a small step from where the state is.

The quotient is small, so its rounding does not touch the state, and a wrong reciprocal changes only the time constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.graph.draft import Draft, rewrite
from compiler.graph.graph import Graph, TimeConstant
from compiler.graph.ops import Add, Div, Mul, Op, StateRead, StateWrite, Sub
from compiler.rewrite.sums import Term, constant_of, emit_sum, terms
from hw_models.arrays import Floats


def increment(graph: Graph) -> Graph:
    """(k*v + a) / (k + b) -> v + (a - b*v) / (k + b), where v is the state that it becomes."""
    return rewrite(graph, increment_form)


@dataclass(frozen=True, eq=False)
class Quotient:
    """(keep * v + drive) / (keep + leak + moving), where v is the state as this iteration found it."""

    v: str
    keep: Floats | str
    """a constant, or a value where the time of a sample is one"""
    leak: Floats
    moving: list[Term]
    drive: list[Term]


def increment_form(draft: Draft, op: Op) -> Op | None:
    """Write the quotient as a step, and record the state's time constant."""
    state = _written_by(draft, op.out) if isinstance(op, Div) else None
    if not isinstance(op, Div) or state is None:
        return None
    found = _quotient(draft, op, state)
    if found is None:
        return None

    def plus(parts: list[Term], array: Floats, name: str, constant: str) -> str:
        if not array.any():
            return emit_sum(draft, parts, name, op.out)
        total = emit_sum(draft, parts, f"{name}.synaptic", op.out)
        added = draft.constant(array, constant)
        return draft.emit(lambda out: Add(out, total, added), name, op.out)

    conductance = plus(found.moving, found.leak, f"{state}.conductance", f"{state}.leak")
    keep = found.keep if isinstance(found.keep, str) else draft.constant(found.keep, f"{state}.keep")
    total = draft.emit(lambda out: Add(out, conductance, keep), f"{state}.total", op.out)
    drain = draft.emit(lambda out: Mul(out, conductance, found.v), f"{state}.drain", op.out)
    current, values = constant_of(draft, found.drive)
    current = np.broadcast_to(current, (draft.size(op.out),))
    rest = f"{state}.rest"
    drive = plus(values, current, f"{state}.drive", rest) if values else draft.constant(current, rest)
    net = draft.emit(lambda out: Sub(out, drive, drain), f"{state}.current", op.out)
    step = draft.emit(lambda out: Div(out, net, total), f"{state}.increment", op.out)
    draft.time_constants.append(TimeConstant(state, keep, total, draft.block.repeat))
    return Add(op.out, found.v, step)


def _quotient(draft: Draft, op: Div, state: str) -> Quotient | None:
    """`op` by its terms, where it has this form and leaks."""
    k: Floats = np.zeros(1)
    v: str | None = None
    drive: list[Term] = []
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
            drive.append(term)
    fixed, moving = constant_of(draft, [t for t in denominator if t.name not in varying])
    size = draft.size(op.out)
    fixed, k = np.broadcast_to(fixed, (size,)), np.broadcast_to(k, (size,))
    leak = np.where(np.abs(fixed - k) <= 4 * np.finfo(float).eps * np.abs(fixed), 0.0, fixed - k)
    if v is None or bool(varying) == bool(k.any()) or len(varying) > 1 or not moving:
        return None
    if bool(np.any((leak < 0.0) | (k < 0.0))):
        return None
    return Quotient(v, varying[0] if varying else k, leak, moving, drive)


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
