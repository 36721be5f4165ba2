"""Which constants may be tuned, and as much of their change as the proof allows that everything fits the chip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from compiler.graph import ops
from compiler.graph.integers import IntegerGraph
from compiler.ranges.proven import Proven, prove
from hw_models.arrays import Integers
from hw_models.chip import Chip
from hw_models.errors import GraphError

HALVINGS = 6
"""How often a constant's change is halved, where the proof does not hold with it"""


def additive(graph: IntegerGraph) -> list[str]:
    """The constants, one number for each element, that are only ever added or subtracted."""
    used = dict[str, set[type[ops.Op]]]()
    for _, op in graph.ops():
        for name in op.operands:
            used.setdefault(name, set()).add(type(op))
    starts = {s.initial for s in graph.states}
    vectors = [n for n, c in graph.integer_constants.items() if c.ndim == 1 and c.size > 1 and n not in starts]
    return [n for n in vectors if used.get(n, {ops.Op}) <= {ops.Add, ops.Sub}]


def fitting(proven: Proven, found: Mapping[str, Integers], chip: Chip) -> Proven:
    """The network with the constants `found`: no sum leaves its format, and of what does not fit elsewhere a part."""
    made = proven
    for name, constant in found.items():
        old = made.graph.constants[name].astype(np.int64)
        least, most = _room(made, name)
        change = np.clip(constant, np.minimum(least, old), np.maximum(most, old)) - old
        for halving in range(HALVINGS):
            new = old + np.rint(change / 2**halving).astype(np.int64)
            try:
                made = prove(replace(made.graph, constants={**made.graph.constants, name: new}), chip)
            except GraphError:
                continue
            break
    return replace(made, lowered=proven.lowered)


def _room(proven: Proven, name: str) -> tuple[Integers, Integers]:
    """Between what each element of a constant keeps the sums and differences with it in their formats."""
    graph, ends = proven.graph, list[tuple[Integers, Integers]]()
    for _, op in graph.ops():
        if isinstance(op, (ops.Add, ops.Sub)) and name in op.operands:
            form, other = graph.format(op.out), proven.spans[op.b if op.a == name else op.a]
            if isinstance(op, ops.Add):
                ends.append((form.low - other.low, form.high - other.high))
            elif op.a == name:
                ends.append((form.low + other.high, form.high + other.low))
            else:
                ends.append((other.high - form.high, other.low - form.low))
    return np.maximum.reduce([low for low, _ in ends]), np.minimum.reduce([high for _, high in ends])
