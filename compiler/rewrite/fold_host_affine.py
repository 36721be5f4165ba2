"""fold_host_affine: a map per channel right after the input or right before the output is the host's work.

The host computes it in floating point, once a sample. It is not folded into synapses: channels with a
small scale would make small slopes and large thresholds of their synapses, which integers hold badly.
"""

from __future__ import annotations

import numpy as np

from compiler.graph.draft import Draft, reals, rewrite
from compiler.graph.graph import Graph
from compiler.graph.names import fresh, rewritten
from compiler.graph.ops import Add, Input, Mul, Op, Output
from hw_models.arrays import Floats


def fold_host_affine(graph: Graph) -> Graph:
    """x*c and x+c after the input and before the output move into the host's scale and offset."""
    return rewrite(graph, after_input, before_output)


def fold_before_output(graph: Graph) -> Graph:
    """The same before the output alone."""
    return rewrite(graph, before_output)


def after_input(draft: Draft, op: Op) -> Op | str | None:
    """The input takes in the maps, each the only reader of the one before; it has the last result's name."""
    if op.result is not None and isinstance(draft.definition(op.result), Input):
        return op.result  # taken in
    if not isinstance(op, Input):
        return None
    new = op
    while len(readers := draft.readers.get(new.out, ())) == 1:
        reader = readers[0][1]
        found = _map(draft, reader)
        if found is None or found[0] != new.out:
            break
        scale = _new(draft, reals(draft, new.scale) * found[1], new.scale)
        offset = _new(draft, reals(draft, new.offset) * found[1] + found[2], new.offset)
        new = Input(reader.result or "", scale, offset)
    return None if new is op else new


def before_output(draft: Draft, op: Op) -> Op | None:
    """The output takes in the map that it alone reads; what is always the same is its offset to zeros."""
    if not isinstance(op, Output):
        return None
    new = op
    found = _map(draft, draft.definition(op.x)) if draft.uses[op.x] == 1 else None
    if found is not None:
        scale = reals(draft, op.scale)
        scale_name = _new(draft, scale * found[1], op.scale)
        new = Output(found[0], scale_name, _new(draft, reals(draft, op.offset) + found[2] * scale, op.offset))
    always = draft.array(new.x)
    if always is not None and always.any():
        offset = _new(draft, reals(draft, new.offset) + reals(draft, new.scale) * always, new.offset)
        new = Output(_new(draft, np.zeros(always.size), "0"), new.scale, offset)
    return None if new is op else new


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
