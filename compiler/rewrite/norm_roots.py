"""roots: norms in the form that keeps their precision.

A layer norm may be written as d * (1 / sqrt(sum(d^2) / n + eps)). The reciprocal goes up to 1 / sqrt(eps), and with it
the product, whose word would be filled by what never occurs. d / sqrt(sum(d^2) + n eps) is never larger than 1, which
`compiler.ranges.norms` sees.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.graph.draft import Draft, integers, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Apply, Div, Gather, Max, Mul, Op
from hw_models.arrays import Floats


def roots(graph: Graph) -> Graph:
    """sqrt(c x + e) -> sqrt(c) * sqrt(x + e / c); a / (c * root) -> (a / root) / c; a * (1 / root) -> a / root."""
    return rewrite(graph, _factor_of_argument, _factor_of_root, _reciprocal)


def _factor_of_argument(draft: Draft, op: Op) -> Op | None:
    if not _is_root(op):
        return None
    found = _without_factors(draft, op.operands[0])
    if found is None:
        return None
    argument, factor = found
    root = draft.emit(lambda out: Apply(out, argument, "sqrt"), f"{op.result}.root", op.result or "")
    return Mul(op.result or "", root, draft.constant(np.sqrt(factor), f"{op.result}.factor"))


def _factor_of_root(draft: Draft, op: Op) -> Op | None:
    if not isinstance(op, Div) or not _comes_from_root(draft, op.b):
        return None
    found = _without_factors(draft, op.b)
    if found is None:
        return None
    root, factor = found
    quotient = draft.emit(lambda out: Div(out, op.a, root), f"{op.out}.quotient", op.out)
    return Mul(op.out, quotient, draft.constant(1.0 / factor, f"{op.out}.factor"))


def _reciprocal(draft: Draft, op: Op) -> Op | None:
    if not isinstance(op, Mul) or op.a in draft.constants or op.b in draft.constants:
        return None
    for a, b in ((op.a, op.b), (op.b, op.a)):
        steps, inner = _steps(draft, b, (Mul,))
        made = draft.definition(inner)
        if not isinstance(made, Div) or made.a not in draft.constants or not _comes_from_root(draft, made.b):
            continue
        root, factor = _rebuilt(draft, made.b, steps, reals(draft, made.a))
        quotient = Div(op.out, a, root)
        if np.all(factor == 1.0):
            return quotient
        name = draft.emit(lambda out, q=quotient: Div(out, q.a, q.b), f"{op.out}.quotient", op.out)
        return Mul(op.out, name, draft.constant(factor, f"{op.out}.factor"))
    return None


def _is_root(op: Op | None) -> bool:
    return isinstance(op, Apply) and op.function == "sqrt"


def _comes_from_root(draft: Draft, name: str) -> bool:
    """Whether a value is a root, at most scaled, shifted or limited by constants."""
    return _is_root(draft.definition(_steps(draft, name, (Mul, Add, Max))[1]))


def _without_factors(draft: Draft, name: str) -> tuple[str, Floats] | None:
    """x and c where the value is c x and c > 0 is not 1."""
    steps, inner = _steps(draft, name, (Mul, Add, Max))
    if all(isinstance(step, Gather) or not isinstance(step, Mul) for step in steps):
        return None
    return _rebuilt(draft, inner, steps, np.ones(1))


def _steps(draft: Draft, name: str, kinds: tuple[type[Mul] | type[Add] | type[Max], ...]) -> tuple[list[Op], str]:
    """The gathers and ops with constants that lead to a value, the last one first, and what they begin with."""
    found: list[Op] = []
    while True:
        op = draft.definition(name)
        if isinstance(op, Gather) and len(op.sources) == 1:
            name = op.sources[0]
        elif isinstance(op, kinds) and op.b in draft.constants and not _turns(draft, op):
            name = op.a
        else:
            return found, name
        found.append(op)


def _turns(draft: Draft, op: Op) -> bool:
    """Whether a factor is not above 0."""
    return isinstance(op, Mul) and not bool(np.all(reals(draft, op.b) > 0.0))


def _rebuilt(draft: Draft, name: str, steps: Sequence[Op], factor: Floats) -> tuple[str, Floats]:
    """`steps` from `name`, which is to be multiplied by `factor`, without their factors; and what these come to."""
    for op in reversed(steps):
        if isinstance(op, Gather):
            index = op.index
            factor = factor[integers(draft, index)] if factor.size > 1 else factor
            size = draft.size(op.out)
            name = draft.emit(lambda out, x=name, i=index: Gather(out, (x,), i), op.out, op.out, size)
        elif isinstance(op, Mul):
            factor = factor * reals(draft, op.b)
        elif isinstance(op, (Add, Max)):
            moved, kind = draft.constant(reals(draft, op.b) / factor, op.b), type(op)
            name = draft.emit(lambda out, x=name, m=moved, k=kind: k(out, x, m), op.out, op.out)
    return name, factor
