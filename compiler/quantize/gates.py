"""Gates that are nearly always shut keep the precision of what they let through.

A state that keeps z = sigmoid(u) of itself, z nearly 1, loses 1 - z: as a difference it would have the error that z
has, an absolute one. It is computed as sigmoid(-u), and 1 - exp(u) as -expm1(u), with fraction bits of its own, and
the state becomes itself and a small step. Where the gate is 1 - q, it is q.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.graph.draft import Draft, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Apply, Gather, Mul, Op, StateRead, Sub
from compiler.quantize.floating import Floating
from compiler.quantize.retention import retention
from compiler.rewrite.algebra import one_minus

SLOW = 1 / 64
"""Neurons that lose less than this of themselves in an iteration make their state a slow one."""
GATES = ("sigmoid", "exp")


def shut_gates(here: Floating) -> Floating:
    """A slow state becomes itself plus a step with fraction bits of its own: q * v + a -> v + (a - (1 - q) * v)."""
    if not _has_gates(here.graph):
        return here
    kept = retention(here.graph, here.observed.sequences)
    slow = {name for name, of in kept.items() if np.any(np.abs(of.leak) < SLOW)}
    return here.written(rewrite(here.graph, _rule(slow))) if slow else here


def _has_gates(graph: Graph) -> bool:
    """Whether a gate multiplies a state or a difference: else no rule has a meaning."""
    for _, op in graph.ops():
        if isinstance(op, Mul):
            a, b = graph.makers.get(op.a), graph.makers.get(op.b)
            for gate, other in ((a, b), (b, a)):
                if isinstance(gate, (Apply, Sub, Gather)) and isinstance(other, (StateRead, Sub)):
                    return True
    return False


def _rule(slow: set[str]) -> Callable[[Draft, Op], Op | None]:
    def rule(draft: Draft, op: Op) -> Op | None:
        if not isinstance(op, Add):
            return None
        return _between(draft, op, slow) or _kept(draft, op, slow)

    return rule


def _between(draft: Draft, op: Add, slow: set[str]) -> Op | None:
    """f + q * (g - f) -> g + (1 - q) * (f - g), g a state, or what is left of it."""
    for f, product in ((op.a, op.b), (op.b, op.a)):
        part = draft.definition(product)
        if not isinstance(part, Mul):
            continue
        for q, difference in ((part.a, part.b), (part.b, part.a)):
            gap = draft.definition(difference)
            if not (isinstance(gap, Sub) and gap.b == f and _is_gate(draft, q)):
                continue
            state = _state(draft, gap.a, slow)
            if state is None:
                continue
            lost, flipped = _shut(draft, q)
            ends = (gap.a, f) if flipped else (f, gap.a)
            way = draft.emit(lambda out, ends=ends: Sub(out, *ends), f"{op.out}.gap", op.out)
            step = draft.emit(lambda out, a=way, b=lost: Mul(out, a, b), f"{op.out}.moved", op.out)
            return Add(op.out, state, _and_drain(draft, op.out, step, gap.a, state))
    return None


def _kept(draft: Draft, op: Add, slow: set[str]) -> Op | None:
    """q * v + a -> v + (a - (1 - q) * v)."""
    for product, rest in ((op.a, op.b), (op.b, op.a)):
        part = draft.definition(product)
        if not isinstance(part, Mul):
            continue
        for q, v in ((part.a, part.b), (part.b, part.a)):
            if _is_gate(draft, q) and _state(draft, v, slow) == v:
                return Add(op.out, v, _and_drain(draft, op.out, rest, product, v))
    return None


def _and_drain(draft: Draft, like: str, step: str, left: str, state: str) -> str:
    """The step, and what `left` of the state has lost before."""
    if left == state:
        return step
    definition = draft.definition(left)
    assert isinstance(definition, Mul)  # as _state and _kept have found
    k = definition.b if definition.a == state else definition.a
    array = draft.array(k)
    if array is not None:
        lost, flipped = draft.constant(1.0 - array, f"{like}.leak"), False
    else:
        lost, flipped = _shut(draft, k)
    drain = draft.emit(lambda out: Mul(out, state, lost), f"{like}.drain", like)
    kind = Add if flipped else Sub
    return draft.emit(lambda out: kind(out, step, drain), f"{like}.step", like)


def _state(draft: Draft, name: str, slow: set[str]) -> str | None:
    """The read of a slow state that a value is, or is a share of."""
    definition = draft.definition(name)
    if isinstance(definition, StateRead):
        return name if definition.state in slow and draft.here(name) else None
    if isinstance(definition, Mul):
        for v, k in ((definition.a, definition.b), (definition.b, definition.a)):
            read = draft.definition(v)
            if isinstance(read, StateRead) and (draft.array(k) is not None or _is_gate(draft, k)):
                return _state(draft, v, slow)
    return None


def _is_gate(draft: Draft, name: str) -> bool:
    definition = draft.definition(name)
    if isinstance(definition, Apply):
        return definition.function in GATES
    return _lost(draft, name) is not None


def _lost(draft: Draft, name: str) -> str | None:
    """q where the value is 1 - q, or some elements of it."""
    definition = draft.definition(name)
    if isinstance(definition, Gather) and len(definition.sources) == 1:
        return one_minus(draft, definition.sources[0])
    return one_minus(draft, name)


def _shut(draft: Draft, gate: str) -> tuple[str, bool]:
    """1 - gate, or gate - 1 where the second is true, with fraction bits of its own."""
    definition, lost = draft.definition(gate), _lost(draft, gate)
    if lost is not None:
        if not isinstance(definition, Gather):
            return lost, False
        index = definition.index
        return draft.emit(lambda out: Gather(out, (lost,), index), f"{gate}.lost", gate), False
    assert isinstance(definition, Apply)  # as _is_gate has found
    x = definition.x
    if definition.function == "exp":
        return draft.emit(lambda out: Apply(out, x, "expm1"), f"{gate}.lost", gate), True
    minus = draft.constant(np.array([-1.0]), "-1")
    opposite = draft.emit(lambda out: Mul(out, x, minus), f"{gate}.opposite", gate)
    return draft.emit(lambda out: Apply(out, opposite, "sigmoid"), f"{gate}.lost", gate), False
