"""The proof that integers fit: intervals of an integer graph, element by element, from its ops alone.

`prove(graph, chip)` walks a finished integer graph and refuses it where a value could leave its format or
a product the chip's width. The lowering uses the same rules while it builds, so what it builds passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph, as_integers
from compiler.graph.matrix import places_of, product
from compiler.graph.ops import (
    Add,
    And,
    Compare,
    Divide,
    Gather,
    Input,
    MatVec,
    Max,
    Min,
    MulShift,
    Op,
    PiecewisePolynomial,
    Relation,
    Rescale,
    SegmentSum,
    Select,
    Shift,
    StateRead,
    StateWrite,
    Sub,
)
from compiler.ranges.assumptions import MOST_SHIFT, check_assumptions
from compiler.ranges.polynomial_reach import reach as table_reach
from hw_models.chip import Chip
from hw_models.errors import BUG, GraphError
from hw_models.fixed_point import Format, round_shift, shift_saturate

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """The smallest and largest integer of each element (or one for all), and the largest product on the way."""

    low: Integers
    high: Integers
    product: int = 0

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


def _compared(op: Compare, a: Span, b: Span) -> Span:
    """0 to 1, and one of them where the operands' spans decide."""
    if op.relation is Relation.EQUAL:
        never = (a.high < b.low) | (a.low > b.high)
        return Span(np.zeros_like(never, np.int64), np.where(never, 0, 1))
    strict = op.relation is Relation.LESS
    always = a.high < b.low if strict else a.high <= b.low
    never = a.low >= b.high if strict else a.low > b.high
    return Span(np.where(always, 1, 0), np.where(never, 0, 1))


def _selected(condition: Span, a: Span, b: Span) -> Span:
    """Of both operands, or of the one that the condition's span leaves."""
    only_a, only_b = (condition.low > 0) | (condition.high < 0), (condition.low == 0) & (condition.high == 0)
    low, high = np.minimum(a.low, b.low), np.maximum(a.high, b.high)
    low = np.where(only_a, a.low, np.where(only_b, b.low, low))
    return Span(low, np.where(only_a, a.high, np.where(only_b, b.high, high)))


def span_of(graph: Graph, op: Op, spans: Mapping[str, Span], form: Format | None, made: Mapping[str, Op]) -> Span:
    """The span of `op`'s result, from those of its operands.

    `form` is the format of ops that saturate; `made` finds the op that a value comes from.
    """
    if isinstance(op, (Input, Rescale, Shift, StateRead)):
        assert form is not None
        return _saturating(op, spans, form)
    if isinstance(op, Gather):
        whole = _joined(graph, op.sources, spans)
        index = graph.constants[op.index].astype(np.int64)
        return Span(whole.low[index], whole.high[index])
    if isinstance(op, SegmentSum):
        return _segment_sum(graph, op, spans)
    if isinstance(op, MatVec):
        return _mat_vec(graph, op, spans)
    if isinstance(op, PiecewisePolynomial):
        x = spans[op.x]
        knots, origins, coefficients, shifts = (graph.constants[n].astype(np.int64) for n in op.arrays)
        reach = table_reach(knots, origins, coefficients, shifts, x.least, x.most)
        return Span(np.array([reach.low]), np.array([reach.high]), reach.product)
    if isinstance(op, Max) and (_opposite(graph, op.a, op.b, made) or _opposite(graph, op.b, op.a, made)):
        a, b = spans[op.a], spans[op.b]  # max(x, -x): the intervals alone do not see that it is |x|
        return Span(np.maximum(np.maximum(a.low, b.low), 0), np.maximum(a.high, b.high))
    found = _elementwise(graph, op, spans)
    if isinstance(op, MulShift) and _shifted(graph, op.a, made) == _shifted(graph, op.b, made):  # a square
        return Span(np.maximum(found.low, 0), found.high, found.product)
    return found


def _shifted(graph: Graph, name: str, made: Mapping[str, Op]) -> str:
    """The value that `name` is with other fraction bits: where 0 is in its format, it keeps its sign or is 0."""
    op = made.get(name)
    while isinstance(op, (Rescale, Shift)) and _holds_zero(graph, name):
        name = op.x
        op = made.get(name)
    return name


def _holds_zero(graph: Graph, name: str) -> bool:
    form = graph.values[name].format
    return form is not None and form.low <= 0 <= form.high


def _opposite(graph: Graph, name: str, of: str, made: Mapping[str, Op]) -> bool:
    """Whether value `name` is 0 - `of`."""
    op = made.get(name)
    return isinstance(op, Sub) and op.b == of and op.a in graph.constants and not np.any(graph.constants[op.a])


def _saturating(op: Op, spans: Mapping[str, Span], form: Format) -> Span:
    limit = of_format(form)
    if isinstance(op, Rescale):
        x = spans[op.x]
        low, high = round_shift(x.low, op.shift), round_shift(x.high, op.shift)
    elif isinstance(op, Shift):
        return _shift(spans[op.x], spans[op.amount], form)
    else:
        return limit
    return Span(np.clip(low, form.low, form.high), np.clip(high, form.low, form.high))


def _shift(x: Span, amount: Span, form: Format) -> Span:
    """Every amount is tried: where a shift to the left saturates, a larger one may return less."""
    if not -MOST_SHIFT <= amount.least <= amount.most <= MOST_SHIFT:
        raise GraphError("a shift by what is no number of bits", numbers=f"{amount.least}..{amount.most}")
    least = max(form.low, -(2**63 - 1))  # its opposite is a 64-bit integer too
    amounts = [np.clip(a, amount.low, amount.high) for a in range(amount.least, amount.most + 1)]
    ends = np.broadcast_arrays(
        *(shift_saturate(end, a, least, form.high)[0] for end in (x.low, x.high) for a in amounts)
    )
    return Span(np.minimum.reduce(ends), np.maximum.reduce(ends))


def _segment_sum(graph: Graph, op: SegmentSum, spans: Mapping[str, Span]) -> Span:
    segment, size = graph.constants[op.segment].astype(np.int64), graph.size(op.out)
    x = _full(graph, op.x, spans)
    low, high = np.zeros(size, np.int64), np.zeros(size, np.int64)
    np.add.at(low, segment, x.low)
    np.add.at(high, segment, x.high)
    return Span(low, high)


def _mat_vec(graph: Graph, op: MatVec, spans: Mapping[str, Span]) -> Span:
    x, matrix = _joined(graph, op.sources, spans), graph.constants[op.matrix].astype(np.int64)
    positive, negative, at = np.maximum(matrix, 0), np.minimum(matrix, 0), places_of(graph, op)
    return Span(
        product(positive, at, x.low) + product(negative, at, x.high),
        product(positive, at, x.high) + product(negative, at, x.low),
    )


def largest_partial_sum(graph: Graph, op: SegmentSum | MatVec, spans: Mapping[str, Span]) -> int:
    """No partial sum of `op`, in any order, has a larger magnitude."""
    if isinstance(op, SegmentSum):
        x = _full(graph, op.x, spans)
        total = np.zeros(graph.size(op.out), np.int64)
        np.add.at(total, graph.constants[op.segment].astype(np.int64), np.maximum(np.abs(x.low), np.abs(x.high)))
    else:
        x = _joined(graph, op.sources, spans)
        matrix, reach = np.abs(graph.constants[op.matrix].astype(np.int64)), np.maximum(np.abs(x.low), np.abs(x.high))
        total = product(matrix, places_of(graph, op), reach)
    return int(total.max(initial=0))


def _elementwise(graph: Graph, op: Op, spans: Mapping[str, Span]) -> Span:
    if isinstance(op, Compare):
        return _compared(op, spans[op.a], spans[op.b])
    if isinstance(op, Select):
        return _selected(spans[op.condition], spans[op.a], spans[op.b])
    assert isinstance(op, (Add, Sub, Min, Max, And, MulShift, Divide))
    a, b = spans[op.a], spans[op.b]
    if isinstance(op, Add):
        return Span(a.low + b.low, a.high + b.high)
    if isinstance(op, Sub):
        return Span(a.low - b.high, a.high - b.low)
    if isinstance(op, Min):
        return Span(np.minimum(a.low, b.low), np.minimum(a.high, b.high))
    if isinstance(op, Max):
        return Span(np.maximum(a.low, b.low), np.maximum(a.high, b.high))
    if isinstance(op, And):
        return Span(np.zeros_like(b.high), b.high)
    if isinstance(op, MulShift):
        shift = graph.constants[op.shift].astype(np.int64)
        reach = np.maximum(np.abs(a.low), np.abs(a.high)) * np.maximum(np.abs(b.low), np.abs(b.high)).astype(np.float64)
        largest = int(np.max(reach, initial=0.0))
        if largest >= 2**62:  # integers would wrap; no chip has such products
            return Span(-np.ones(1, np.int64) << 62, np.ones(1, np.int64) << 62, largest)
        low, high = _corners(a, b, lambda x, y: x * y)
        return Span(low >> shift, high >> shift, largest)
    low, high = _corners(a, b, lambda x, y: (x << op.shift) // y)
    return Span(low, high, a.magnitude << op.shift)


def _corners(a: Span, b: Span, function: Callable[[Integers, Integers], Integers]) -> tuple[Integers, Integers]:
    ends = np.broadcast_arrays(*(function(x, y) for x in (a.low, a.high) for y in (b.low, b.high)))
    return np.minimum.reduce(ends), np.maximum.reduce(ends)


def _full(graph: Graph, name: str, spans: Mapping[str, Span]) -> Span:
    size = graph.size(name)
    return Span(np.broadcast_to(spans[name].low, (size,)), np.broadcast_to(spans[name].high, (size,)))


def _joined(graph: Graph, sources: tuple[str, ...], spans: Mapping[str, Span]) -> Span:
    parts = [_full(graph, s, spans) for s in sources]
    return Span(np.concatenate([p.low for p in parts]), np.concatenate([p.high for p in parts]))


def find_spans(graph: IntegerGraph) -> dict[str, Span]:
    """The span of every value and vector constant of an integer graph."""
    spans = {n: exactly(c) for n, c in graph.integer_constants.items() if c.ndim == 1}
    made: dict[str, Op] = {}
    for _, op in graph.ops():
        if op.result is not None:
            spans[op.result] = span_of(graph, op, spans, graph.format(op.result), made)
            made[op.result] = op
    return spans


def prove(graph: Graph, chip: Chip) -> IntegerGraph:
    """`graph` as integers, if every value provably stays in its format and the chip's widths; else `GraphError`."""
    graph = as_integers(graph)
    check_assumptions(graph, chip)
    spans = find_spans(graph)
    word = 2 ** (chip.word_bits - 1)
    for block, op in graph.ops():
        if isinstance(op, MatVec) and np.abs(graph.constants[op.matrix]).max(initial=0) > chip.weight_high:
            raise GraphError(f"{op.matrix} has a weight above {chip.weight_high}", where=op.out)
        if isinstance(op, StateWrite):
            _check_write(graph, op, spans)
        if op.result is None:
            continue
        form = graph.format(op.result)
        span = spans[op.result]
        if isinstance(op, (SegmentSum, MatVec)) and largest_partial_sum(graph, op, spans) >= word:
            raise GraphError(f"a partial sum of {op.result} can leave the accumulator", where=f"block {block.name}")
        held = form.low <= span.least and span.most <= form.high and -word <= form.low and form.high < word
        if not held or span.product >= 2**chip.product_bits:
            raise GraphError(
                f"{op.result} can leave its format or a product the chip's width",
                where=f"block {block.name}, {type(op).__name__}",
                numbers=f"reaches {span.least}..{span.most}, format {form.low}..{form.high}, product {span.product}",
                advice=BUG,
            )
        _check_fractions(graph, op)
    return graph


def _check_write(graph: IntegerGraph, op: StateWrite, spans: Mapping[str, Span]) -> None:
    """A state never leaves its format: what is read from it has no other bound."""
    form, span = graph.state_format(op.state), spans[op.x]
    fraction = graph.fractions.get(op.x) if op.x in graph.constants else graph.fraction(op.x)
    if span.least < form.low or span.most > form.high or fraction not in (None, form.fraction):
        raise GraphError(
            f"what is written to the state {op.state} can leave its format",
            numbers=f"reaches {span.least}..{span.most}, format {form.low}..{form.high}",
            advice=BUG,
        )


def _check_fractions(graph: IntegerGraph, op: Op) -> None:
    """Sums, minima and maxima need operands of one fraction."""
    if not isinstance(op, (Add, Sub, Min, Max)):
        return
    found = {graph.fraction(n) for n in (op.out, *op.operands) if n in graph.values or n in graph.fractions}
    if len(found) > 1:
        raise GraphError(f"{op} mixes the fractions {sorted(found)}", advice=BUG)
