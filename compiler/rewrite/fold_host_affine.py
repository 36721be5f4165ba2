"""fold_host_affine: a map per channel right after the input or right before the output is the host's work.

The host computes it in floating point, once a sample. It is not folded into synapses: channels with a
small scale would make small slopes and large thresholds of their synapses, which integers hold badly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.graph.draft import Draft, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.names import fresh, rewritten
from compiler.graph.ops import Add, Input, Mul, Op, Output
from hw_models.arrays import Floats


def fold_host_affine(graph: Graph) -> Graph:
    """x*c and x+c after the input and before the output move into the host's scale and offset."""
    return rewrite(graph, after_input, before_output)


def after_input(draft: Draft, op: Op) -> Op | str | None:
    """The input takes in the maps, each the only reader of the one before; it has the last result's name."""
    if op.result is not None and isinstance(draft.definition(op.result), Input):
        return op.result  # taken in
    if not isinstance(op, Input):
        return None
    out, scale, offset = op.out, reals(draft, op.scale), reals(draft, op.offset)
    while len(readers := draft.readers.get(out, ())) == 1:
        reader = readers[0][1]
        found = _map(draft, reader)
        if found is None or found[0] != out:
            break
        _, factor, addend = found
        out, scale, offset = reader.result or "", scale * factor, offset * factor + addend
    if out == op.out:
        return None
    return Input(out, _new(draft, scale, op.scale), _new(draft, offset, op.offset))


def before_output(draft: Draft, op: Op) -> Op | None:
    """The output takes in the maps that it alone reads; what is always the same is its offset to zeros."""
    if not isinstance(op, Output):
        return None
    x, scale, offset = op.x, reals(draft, op.scale), reals(draft, op.offset)
    while draft.uses[x] == 1 and (found := _map(draft, draft.definition(x))) is not None:
        x, factor, addend = found
        scale, offset = scale * factor, offset + addend * scale
    always = draft.array(x)
    fixed = always is not None and bool(always.any())
    if x == op.x and not fixed:
        return None
    if x != op.x:
        op = replace(op, scale=_new(draft, scale, op.scale))
    if always is None or not fixed:
        return replace(op, x=x, offset=_new(draft, offset, op.offset))
    op = replace(op, offset=_new(draft, offset + scale * always, op.offset))
    return replace(op, x=_new(draft, np.zeros(always.size), "0"))


def _new(draft: Draft, array: Floats, name: str) -> str:
    """A constant of the host's own."""
    name = fresh(rewritten(name), draft.constants, draft.values)
    draft.constants[name] = array
    return name


def _map(draft: Draft, op: Op | None) -> tuple[str, Floats, Floats] | None:
    """x, scale and offset where the op is x * scale or x + offset."""
    array = draft.array(op.b) if isinstance(op, (Add, Mul)) else None
    if not isinstance(op, (Add, Mul)) or array is None or op.a in draft.constants:
        return None
    size = draft.size(op.out)
    if isinstance(op, Mul):
        return op.a, np.broadcast_to(array, (size,)), np.zeros(size)
    return op.a, np.ones(size), np.broadcast_to(array, (size,))
