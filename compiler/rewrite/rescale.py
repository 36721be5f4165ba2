"""Passes that change the units of values, so that constant factors join other constants.

`absorb_factors` is one of `PASSES`. `with_normalised_quotients` and `with_scaled_inputs` bring values near 1 before
they become integers; `quantize` calls them, for it knows their bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from compiler.graph import ops
from compiler.graph.draft import Draft, RewriteRule, reals, rewrite
from compiler.graph.graph import Graph
from compiler.rewrite.fold import unchanged_operand
from compiler.rewrite.scale_propagation import Units, View, with_units

APART = 256.0
"""Channels of which one is this many times as large as another do not share a format."""


def absorb_factors(graph: Graph) -> Graph:
    """A constant factor of a sum, a difference or a quotient joins the constants that it is made of."""
    units: Units = {}
    view = View(graph)
    for _, op in graph.ops():
        if not isinstance(op, ops.Mul) or op.b not in graph.constants or op.a not in graph.values:
            continue
        factor = np.broadcast_to(reals(graph, op.b), (graph.size(op.out),))
        found = None if (factor == 1.0).all() else view.absorb(op.a, factor, units)
        units = units if found is None else found
    return with_units(graph, units) if units else graph


def with_normalised_quotients(graph: Graph, upper: Mapping[str, npt.NDArray[np.float64]]) -> Graph:
    """Scale each quotient's numerator and denominator, element by element, so that the denominator is at most 1.

    `upper` bounds the denominators from above, by their values' names. A quotient stays as it is where the
    factor finds no constants to join, or where there is no bound.
    """
    units: Units = {}
    weighted = rewrite(graph, _weights)
    view = View(weighted)
    for _, op in weighted.ops():
        if not isinstance(op, ops.Div) or op.b not in upper or not {op.a, op.b} <= weighted.values.keys():
            continue
        bound = np.asarray(upper[op.b], np.float64)
        usable = np.isfinite(bound) & (bound > 0.0)
        factor = np.broadcast_to(np.where(usable, 1.0 / np.where(usable, bound, 1.0), 1.0), (graph.size(op.out),))
        found = view.absorb(op.a, factor, units, also=(op.b, factor))
        if found is not None:
            units = found
    return rewrite(with_units(weighted, units), unchanged_operand) if units else graph


def _weights(draft: Draft, op: ops.Op) -> ops.Op | None:
    """Functions and states that are summed up get a weight of 1, a constant that a factor can join."""
    if not isinstance(op, (ops.SegmentSum, ops.Add, ops.Sub)):
        return None
    return _weighted(draft, op, [n for n in op.operands if isinstance(draft.definition(n), (ops.Apply, ops.StateRead))])


def _input_weights(draft: Draft, op: ops.Op) -> ops.Op | None:
    """So does an input that is multiplied by a value, or divides one."""
    if not isinstance(op, (ops.Mul, ops.Div)) or any(n in draft.constants for n in op.operands):
        return None
    return _weighted(draft, op, [n for n in op.operands if _comes_from_input(draft, n)][:1])


def _other_weights(draft: Draft, op: ops.Op) -> ops.Op | None:
    """And one that meets any other op that takes no factor up: a function, or a comparison with another value."""
    if not isinstance(op, (ops.Apply, ops.SameUnit, ops.Compare, ops.Select)):
        return None
    if isinstance(op, (ops.Add, ops.Sub)) and any(n in draft.constants for n in op.operands):
        return None
    if isinstance(op, (ops.Min, ops.Max)) and not (_limits(draft, op) or _is_limited(draft, op)):
        return None
    return _weighted(draft, op, [n for n in op.operands if n not in draft.constants and _comes_from_input(draft, n)])


def _weighted(draft: Draft, op: ops.Op, names: Sequence[str]) -> ops.Op | None:
    """`op` with a weight of 1 before each of these operands."""
    weighted: dict[str, str] = {}
    for name in dict.fromkeys(names):
        size = draft.size(name)
        one = draft.constant(np.ones(size), f"{name}.weight")
        weighted[name] = draft.emit(lambda out, x=name, w=one: ops.Mul(out, x, w), f"{name}.weighted", name, size)
    return op.renamed(lambda n: weighted.get(n, n)) if weighted else None


def _limits(draft: Draft, op: ops.Op) -> bool:
    """Whether an op is compared with a value, or with a constant that is not 0."""
    limits = [draft.constants[n] for n in op.operands if n in draft.constants]
    return isinstance(op, (ops.Min, ops.Max)) and all(bool(limit.any()) for limit in limits)


def _is_limited(draft: Draft, op: ops.Op) -> bool:
    return any(_limits(draft, reader) for _, reader in draft.readers.get(op.result or "", []))


def _comes_from_input(draft: Draft, name: str) -> bool:
    """Whether a value is one of the input's channels, at most shifted or limited by constants."""
    op = draft.definition(name)
    while (isinstance(op, ops.Gather) and len(op.sources) == 1) or isinstance(op, ops.SameUnit):
        if not isinstance(op, ops.Gather) and op.b not in draft.constants:
            return False
        op = draft.definition(op.operands[0])
    return isinstance(op, ops.Input)


def with_scaled_inputs(graph: Graph, magnitudes: npt.ArrayLike) -> Graph:
    """Divide each input channel by its magnitude on the host; the constants that meet it are multiplied.

    `magnitudes` has one positive number a channel. A channel that meets a use which cannot take the factor
    up, such as a function, stays as it is, unless it is so much larger than another that one format cannot hold both:
    then the factor is undone in front of that use.
    """
    return _scaled(graph, magnitudes, (_input_weights,))


def _scaled(graph: Graph, magnitudes: npt.ArrayLike, weights: tuple[RewriteRule, ...]) -> Graph:
    original, graph = graph, rewrite(graph, *weights)
    source = graph.entry
    size = graph.size(source.out)
    given = np.broadcast_to(np.asarray(magnitudes, np.float64), (size,))
    usable = np.isfinite(given) & (given > 0.0)
    factor = 1.0 / np.where(usable, given, 1.0)
    usable &= factor != 1.0
    view = View(graph)
    while usable.any():
        units = {source.out: np.where(usable, factor, 1.0)}
        channel = {source.out: np.arange(size)}
        refused = view.spread(units, channel)
        if refused is None:
            return rewrite(with_units(graph, units), unchanged_operand)
        if given[refused].max() > APART * given.min() and _other_weights not in weights:
            return _scaled(original, magnitudes, (*weights, _other_weights))
        usable[refused] = False
    return original
