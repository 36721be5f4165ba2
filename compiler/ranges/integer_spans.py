"""What integers can be: intervals of an integer graph, element by element, from its ops alone.

`compiler.ranges.proven` proves by them that integers fit. The lowering uses the same rules while it builds, so what it
builds passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph
from compiler.graph.op_table import OpTable
from compiler.graph.shapes import MOST_SHIFT
from compiler.ranges.arithmetic import ENDS, largest_partial_sums, of_corners
from compiler.ranges.polynomial_reach import Polynomials
from compiler.ranges.polynomial_reach import reach as table_reach
from hw_models.arrays import Integers
from hw_models.errors import GraphError
from hw_models.fixed_point import Format, round_shift, shift_saturate


@dataclass(frozen=True)
class Span:
    """The smallest and largest integer of each element (or one for all), and what its op meets on the way."""

    low: Integers
    high: Integers
    product: int = 0
    """the largest magnitude of a product"""
    shift: int = 0
    """the most bits by which anything is shifted, either way"""

    @property
    def least(self) -> int:
        """The smallest of all elements."""
        return int(self.low.min(initial=0)) if self.low.size == 0 else int(self.low.min())

    @property
    def most(self) -> int:
        """The largest of all elements."""
        return int(self.high.max(initial=0)) if self.high.size == 0 else int(self.high.max())

    @property
    def magnitude(self) -> int:
        """The largest absolute value."""
        return max(abs(self.least), abs(self.most))


def exactly(constant: np.ndarray) -> Span:
    """The span of a constant."""
    array = constant.astype(np.int64)
    return Span(array, array)


def of_format(form: Format) -> Span:
    """All that a format can hold."""
    return Span(np.array([form.low]), np.array([form.high]))


@dataclass(frozen=True)
class KnownSpans:
    """What the span of a result follows from: the spans of its operands, and the ops that values come from."""

    graph: Graph
    spans: Mapping[str, Span]
    form: Format | None
    """the format of the result, where it saturates"""
    made: Mapping[str, ops.Op]

    @property
    def limit(self) -> Format:
        """The format of a result that saturates."""
        assert self.form is not None
        return self.form


SPANS: OpTable[[KnownSpans], Span] = OpTable("spans")
"""The span of each integer op's result."""


def span_of(
    graph: Graph, op: ops.Op, spans: Mapping[str, Span], form: Format | None, made: Mapping[str, ops.Op]
) -> Span:
    """The span of `op`'s result, from those of its operands.

    `form` is the format of ops that saturate; `made` finds the op that a value comes from.
    """
    return SPANS(op, KnownSpans(graph, spans, form, made))


SPANS.on(ops.Input, ops.StateRead)(lambda op, known: of_format(known.limit))


@SPANS.on(ops.Rescale)
def _rescale(op: ops.Rescale, known: KnownSpans) -> Span:
    x, form = known.spans[op.x], known.limit
    low, high = round_shift(x.low, op.shift), round_shift(x.high, op.shift)
    return Span(np.clip(low, form.low, form.high), np.clip(high, form.low, form.high), shift=op.shift)


@SPANS.on(ops.Shift)
def _shift(op: ops.Shift, known: KnownSpans) -> Span:
    """Every amount is tried: where a shift to the left saturates, a larger one may return less."""
    x, amount, form = known.spans[op.x], known.spans[op.amount], known.limit
    if not -MOST_SHIFT <= amount.least <= amount.most <= MOST_SHIFT:
        raise GraphError("a shift by an impossible number of bits", numbers=f"{amount.least}..{amount.most}")
    least = max(form.low, -(2**63 - 1))  # its opposite is a 64-bit integer too
    amounts = [np.clip(a, amount.low, amount.high) for a in range(amount.least, amount.most + 1)]
    ends = np.broadcast_arrays(
        *(shift_saturate(end, a, least, form.high)[0] for end in (x.low, x.high) for a in amounts)
    )
    return Span(np.minimum.reduce(ends), np.maximum.reduce(ends), shift=amount.magnitude)


@SPANS.on(ops.Lossless, ops.Gather, ops.SegmentSum, ops.MatVec)
def _of_ends(op: ops.Op, known: KnownSpans) -> Span:
    return Span(*ENDS(op, known.graph, known.spans))


@SPANS.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, known: KnownSpans) -> Span:
    x = known.spans[op.x]
    knots, origins, coefficients, shifts = (known.graph.constants[n].astype(np.int64) for n in op.arrays)
    reach = table_reach(Polynomials(knots, origins, coefficients, shifts), x.least, x.most)
    return Span(np.array([reach.low]), np.array([reach.high]), reach.product, int(shifts.max(initial=0)))


@SPANS.on(ops.Max)
def _larger(op: ops.Max, known: KnownSpans) -> Span:
    """Of max(x, -x) the intervals alone do not see that it is |x|."""
    low, high = ENDS(op, known.graph, known.spans)
    absolute = _opposite(known, op.a, op.b) or _opposite(known, op.b, op.a)
    return Span(np.maximum(low, 0) if absolute else low, high)


@SPANS.on(ops.Compare)
def _compare(op: ops.Compare, known: KnownSpans) -> Span:
    """0 to 1, and one of them where the operands' spans decide."""
    a, b = known.spans[op.a], known.spans[op.b]
    if op.relation is ops.Relation.EQUAL:
        never = (a.high < b.low) | (a.low > b.high)
        return Span(np.zeros_like(never, np.int64), np.where(never, 0, 1))
    strict = op.relation is ops.Relation.LESS
    always = a.high < b.low if strict else a.high <= b.low
    never = a.low >= b.high if strict else a.low > b.high
    return Span(np.where(always, 1, 0), np.where(never, 0, 1))


@SPANS.on(ops.Select)
def _select(op: ops.Select, known: KnownSpans) -> Span:
    """Of both operands, or of the one that the condition's span leaves."""
    condition, a, b = (known.spans[n] for n in (op.condition, op.a, op.b))
    only_a, only_b = (condition.low > 0) | (condition.high < 0), (condition.low == 0) & (condition.high == 0)
    low, high = ENDS(op, known.graph, known.spans)
    low = np.where(only_a, a.low, np.where(only_b, b.low, low))
    return Span(low, np.where(only_a, a.high, np.where(only_b, b.high, high)))


@SPANS.on(ops.And)
def _and(op: ops.And, known: KnownSpans) -> Span:
    """Proofs allow masks 2^k - 1 only; another one may have a sign."""
    x, mask = known.spans[op.a], known.spans[op.b]
    if mask.least >= 0:
        return Span(np.zeros_like(mask.high), mask.high)
    reach = 1 << max(x.magnitude, mask.magnitude).bit_length()
    return Span(np.array([-reach]), np.array([reach - 1]))


@SPANS.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, known: KnownSpans) -> Span:
    a, b, shift = known.spans[op.a], known.spans[op.b], known.graph.constants[op.shift].astype(np.int64)
    reach = np.maximum(np.abs(a.low), np.abs(a.high)) * np.maximum(np.abs(b.low), np.abs(b.high)).astype(np.float64)
    largest = int(np.max(reach, initial=0.0))
    if largest >= 2**62:  # integers would wrap; no chip has such products
        low, high = -np.ones(1, np.int64) << 62, np.ones(1, np.int64) << 62
    else:
        low, high = (end >> shift for end in of_corners(a, b, lambda x, y: x * y))
    square = _shifted(known, op.a) == _shifted(known, op.b)
    return Span(np.maximum(low, 0) if square else low, high, largest, int(shift.max(initial=0)))


def _shifted(known: KnownSpans, name: str) -> str:
    """The value that `name` is with other fraction bits: where 0 is in its format, it keeps its sign or is 0."""
    op = known.made.get(name)
    while isinstance(op, (ops.Rescale, ops.Shift)) and _holds_zero(known.graph, name):
        name = op.x
        op = known.made.get(name)
    return name


def _holds_zero(graph: Graph, name: str) -> bool:
    form = graph.values[name].format
    return form is not None and form.low <= 0 <= form.high


def _opposite(known: KnownSpans, name: str, of: str) -> bool:
    """Whether value `name` is 0 - `of`."""
    op, constants = known.made.get(name), known.graph.constants
    return isinstance(op, ops.Sub) and op.b == of and op.a in constants and not np.any(constants[op.a])


def largest_partial_sum(graph: Graph, op: ops.SegmentSum | ops.MatVec, spans: Mapping[str, Span]) -> int:
    """No partial sum of `op`, in any order, has a larger magnitude."""
    return int(largest_partial_sums(op, graph, spans).max(initial=0))


def find_spans(graph: IntegerGraph) -> dict[str, Span]:
    """The span of every value and vector constant of an integer graph."""
    spans = {n: exactly(c) for n, c in graph.constants.items() if c.ndim == 1}
    for _, op in graph.ops():
        if op.result is not None:
            spans[op.result] = span_of(graph, op, spans, graph.format(op.result), graph.makers)
    return spans
