"""Which values are clipped to their calibrated range, as intervals make them far too wide."""

from __future__ import annotations

import numpy as np

from compiler.functions import FUNCTIONS
from compiler.functions.function import FAR
from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.ranges.norms import is_guarded, under_roots
from compiler.ranges.observed import Interval, Observed
from compiler.ranges.real_intervals import clip, find_intervals

WIDE = 2.0
"""How many times as far as its calibrated range a value's proven one reaches before it is clipped to the former"""
WIDE_MESSAGE = 1.25
"""The same of a message to a matrix, made by a function without bounds, as relu and silu: a row's sum of all that they
may be leaves them few bits"""


def find_clipped(graph: Graph, observed: Observed, margin: float) -> frozenset[str]:
    """Sums, products and quotients that a state without a proven bound leads to, and whose intervals are far too wide.

    Where a state's range is a calibrated one, intervals grow with each stage of a solver all the same: the precision of
    what really occurs would be lost. They grow alike from layer to layer where no bounded function is between, as in
    convolutions with relu: the input's range is calibrated, too. And a square takes twice the bits that its operand
    does, which is clipped for that. So is a quotient by what only an eps keeps above 0, which lets it grow far beyond
    all that occurs; and what is squared and summed up for a root, as a word that has to hold a variance and its eps has
    no bit to spare; and what relu, silu and other functions without bounds send to a matrix. Nothing else that follows
    from proven bounds alone is.
    """
    follows = {s.name for s in graph.states if s.low is None}
    named = between_layers(graph) | {op.a for _, op in graph.ops() if isinstance(op, ops.Mul) and op.a == op.b}
    under = under_roots(graph)
    normed = under.normed
    named |= normed | {op.out for _, op in graph.ops() if isinstance(op, ops.Div) and is_guarded(graph, op)}
    messages = {s for _, op in graph.ops() if isinstance(op, ops.MatVec) for s in op.sources}
    clipped: set[str] = set()

    def wide(op: ops.Op, proven: Interval) -> bool:
        if follows.intersection(op.follows_from):
            follows.add(str(op.result))
        elif op.result not in named:
            return False
        times = TOO_WIDE(op, op.result in messages)
        if times is None:
            return False
        seen = observed.interval(str(op.result), under.margin(str(op.result), margin)).magnitude
        if not 0 < (1.0 if op.result in normed else times) * seen < proven.magnitude:
            return False
        clipped.add(str(op.result))
        return True

    def kept(op: ops.Op, found: Interval) -> Interval:
        return clip(op, found, observed, under.margin(str(op.result), margin)) if wide(op, found) else found

    if follows or named:
        find_intervals(graph, observed, margin, kept)
    return frozenset(clipped)


TOO_WIDE: OpTable[[bool], float | None] = OpTable("too wide")
"""How many times as far as what was seen a result may reach, a message or not; None of what may reach anywhere."""
TOO_WIDE.otherwise(None)
TOO_WIDE.always(WIDE, ops.Add, ops.Sub, ops.Mul, ops.Div)


TOO_WIDE.on(ops.Apply, ops.Max)(lambda op, message: WIDE_MESSAGE if message else None)


def between_layers(graph: Graph) -> frozenset[str]:
    """Values on the way from one matrix to the next on which no function of bounded range lies."""
    behind: set[str] = set()
    for _, op in graph.ops():
        if isinstance(op, ops.MatVec) or (GOES_ON(op) and behind.intersection(op.operands)):
            behind.add(str(op.result))
    before: set[str] = set()
    for _, op in reversed(list(graph.ops())):
        if isinstance(op, ops.MatVec) or (GOES_ON(op) and op.result in before):
            before.update(op.operands)
    return frozenset(behind & before)


GOES_ON: OpTable[[], bool] = OpTable("clipping")
"""Whether each op's result may be as large as its operands are."""
GOES_ON.always(True, ops.Elementwise, ops.Gather, ops.SegmentSum)
# Ways between layers end here: at what begins one, or is bounded, or divided.
GOES_ON.always(False, ops.Input, ops.StateRead, ops.StateWrite, ops.Output, ops.MatVec, ops.Div, ops.Compare)


@GOES_ON.on(ops.Apply)
def is_unbounded(op: ops.Apply) -> bool:
    """Whether the results of a function may be far from 0."""
    reach = FUNCTIONS[op.function].range_of(np.array([-FAR]), np.array([FAR]))
    return bool(np.max(np.abs(reach)) > 2)
