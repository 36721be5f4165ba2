"""From a float graph to an integer graph: every op lowered in order, then proved.

One small function an op. What an op becomes is decided here and nowhere later: the assembler only looks
templates up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph, State, TimeConstant
from compiler.graph.integers import IntegerGraph
from compiler.graph.matrix import places_of
from compiler.graph.op_table import OpTable
from compiler.graph.ops import (
    Add,
    Apply,
    Compare,
    Div,
    Gather,
    Input,
    MatVec,
    Max,
    Min,
    Mul,
    Op,
    Output,
    SegmentSum,
    Select,
    StateRead,
    StateWrite,
    Sub,
)
from compiler.graph.validate import validate
from compiler.quantize.activation import lower_apply
from compiler.quantize.builder import Builder, Floats, WordError, state_format, with_format
from compiler.quantize.carry import Carried, find_carried, lower_carried
from compiler.quantize.centring import centred
from compiler.quantize.flat import clip_arguments
from compiler.quantize.fractions import find_fractions, find_natural, taken_by_states
from compiler.quantize.gates import shut_gates
from compiler.quantize.matrices import patches
from compiler.quantize.matvec import lower_mat_vec
from compiler.quantize.precision import LIMITS, Precision
from compiler.quantize.product import lower_mul
from compiler.quantize.quotient import lower_div
from compiler.quantize.readouts import with_split_readouts
from compiler.quantize.row_factors import row_factors
from compiler.ranges.clipping import find_clipped
from compiler.ranges.observed import Interval, Observed
from compiler.ranges.proven import prove
from compiler.ranges.real_intervals import denominator_floor, find_bounds, input_margin, state_interval
from compiler.rewrite.extract_row_scales import rows_out
from compiler.rewrite.rescale import normalise_quotients, scale_inputs
from hw_models.chip import Chip
from hw_models.fixed_point import Format

ROUNDING_ROOM = 2.0**-12
"""How far beyond its proven bound, of the bound's magnitude, a state's format reaches: words leave 0.1 % of room."""

SPARE_BITS = 2
"""By how many bits a value's word may be filled less where its integers would not fit."""


def quantize(
    graph: Graph, sequences: Sequence[Floats], chip: Chip, precision: Precision, *, timed: bool = False
) -> IntegerGraph:
    """The integer graph of a simplified float `graph`.

    `sequences` are calibration data, each (time, features); where it is `timed`, the last channel is a time span.
    Raises `QuantizeError` where a value cannot be held in the chip's widths.
    """
    known = frozenset(graph.values)
    precision = with_split_readouts(graph, precision)
    graph = shut_gates(centred(graph, sequences, precision.margin, timed=timed), sequences)
    graph, observed = _prepared(graph, sequences, precision)
    clipped = find_clipped(graph, observed, precision.margin)
    bounds = find_bounds(graph, observed, precision.margin, clipped)
    fewer: dict[str, int] = {}
    intervals = {s.name: state_interval(graph, s.name, observed, precision.margin) for s in graph.states}
    natural = find_natural(graph, bounds, intervals, precision, clipped)
    carried = find_carried(graph, sequences, natural, precision)
    while True:
        try:
            return _lowered(graph, observed, bounds, chip, precision, known, clipped, fewer, intervals, carried)
        except WordError as error:  # on integers intervals are a little wider than on reals: a bit less, and they fit
            fewer[error.value] = fewer.get(error.value, 0) + 1
            narrow = precision.at(error.value).word - fewer[error.value] < LIMITS["word"][0]
            if narrow or fewer[error.value] > SPARE_BITS:
                raise


def _lowered(
    graph: Graph,
    observed: Observed,
    bounds: Mapping[str, Interval],
    chip: Chip,
    precision: Precision,
    known: frozenset[str],
    clipped: frozenset[str],
    fewer: Mapping[str, int],
    intervals: Mapping[str, Interval],
    carried: Mapping[str, Carried],
) -> IntegerGraph:
    """Every op lowered in order, then proved."""
    steps = {out: c.step for out, c in carried.items()}
    fractions = find_fractions(graph, bounds, intervals, precision, clipped, fewer, steps)
    build = Builder(graph, chip, precision, fractions, known, taken_by_states(graph, steps))
    states = tuple(_state(build, s, intervals[s.name]) for s in graph.states)
    formats = {s.name: s.format for s in states if s.format is not None}
    here = Lowering(build, bounds, observed, formats)
    for block in graph.blocks:
        for op in _writes_first(block.ops):
            build.lowering = op.result or op.operands[0]
            part = carried.get(op.result or "")
            if not (part and isinstance(op, Add) and lower_carried(build, op, part)):
                LOWER(op, here)
            if op.result in clipped:
                build.clip(op.result, float(bounds[op.result].low.min()), float(bounds[op.result].high.max()))
        build.end_block(block.name, block.repeat)
    return prove(validate(build.graph((*states, *build.carries), _time_constants(build)), "quantize"), chip).graph


def _prepared(graph: Graph, sequences: Sequence[Floats], precision: Precision) -> tuple[Graph, Observed]:
    """Inputs scaled to +-1 a channel, matrix rows to the weights' range, denominators to at most 1."""
    for _, op in graph.ops():
        if isinstance(op, Input):
            seen = Observed(graph, sequences).interval(op.out, input_margin(precision.margin))
            largest = np.maximum(np.abs(seen.low), np.abs(seen.high))
            graph = scale_inputs(graph, np.where(largest > 0, largest, 1.0))
    original, observed = graph, Observed(graph, sequences)

    def factors(op: MatVec, matrix: Floats) -> Floats:
        inputs = patches(observed.samples(op.sources), places_of(original, op))
        sizes = [original.size(s) for s in op.sources] if op.places is None else [matrix.shape[1]]
        return row_factors(matrix, sizes, inputs, precision.at(op.out))

    graph = rows_out(graph, factors)
    bounds = find_bounds(graph, Observed(graph, sequences), precision.margin)
    graph = clip_arguments(graph, bounds, precision)
    graph = normalise_quotients(graph, {op.b: bounds[op.b].high for _, op in graph.ops() if isinstance(op, Div)})
    return graph, Observed(graph, sequences)


def _writes_first(ops: Sequence[Op]) -> list[Op]:
    """The same, each state written as soon as its value is there: what reads the value then reads it in its bounds."""
    made = {op.result for op in ops}
    ready: dict[str, list[Op]] = {}
    for op in ops:
        if isinstance(op, StateWrite) and op.x in made:
            ready.setdefault(op.x, []).append(op)
    early = {id(op) for writes in ready.values() for op in writes}
    return [each for op in ops if id(op) not in early for each in (op, *ready.get(op.result or "", ()))]


def _state(build: Builder, state: State, interval: Interval) -> State:
    fraction = build.wanted[state.name]
    # A state that rests on its bound is now and then rounded past it: the word has room for that.
    slack = ROUNDING_ROOM * interval.magnitude if state.low is not None else 0.0
    form = state_format(fraction, float(np.min(interval.low)) - slack, float(np.max(interval.high)) + slack)
    initial = build.parameter(state.initial, fraction)
    return with_format(state, form, initial)


def _time_constants(build: Builder) -> tuple[TimeConstant, ...]:
    found = []
    sums = {op.out: op for _, op in build.source.ops() if isinstance(op, Add)}
    for t in build.source.time_constants:
        total = t.total
        if t.keep in build.source.values:  # as it enters the sum: with the total's fraction
            parts, source = build.made(total), sums.get(total)
            if isinstance(parts, Add) and source is not None and t.keep in (source.a, source.b):
                found.append(TimeConstant(t.state, parts.a if source.a == t.keep else parts.b, total, t.repeat))
            continue
        if total in build.source.constants:
            total = build.parameter(total, build.precision.word - 4)
        keep = build.parameter(t.keep, build.fraction(total))
        found.append(TimeConstant(t.state, keep, total, t.repeat))
    return tuple(found)


@dataclass(frozen=True)
class Lowering:
    """What lowering an op looks at: the graph it builds, and what is known of the float graph's values."""

    build: Builder
    bounds: Mapping[str, Interval]
    observed: Observed
    states: Mapping[str, Format]
    """the formats of the states"""


LOWER: OpTable[[Lowering], None] = OpTable("lowering")
"""What each op of a float graph becomes."""


@LOWER.on(Input)
def _input(op: Input, here: Lowering) -> None:
    """What the host sends: it saturates to the calibrated range, and counts."""
    build, interval = here.build, here.bounds[op.out]
    fraction = build.wanted[op.out]
    form = state_format(fraction, float(np.min(interval.low)), float(np.max(interval.high)))
    new = Input(op.out, build.host(op.scale), build.host(op.offset))
    build.emit(new, fraction, (form.low, form.high), of=op.out)


@LOWER.on(Output)
def _output(op: Output, here: Lowering) -> None:
    build = here.build
    x = build.at(op.x, build.wanted.get(op.x, 0))
    build.effect(Output(x, build.host(op.scale), build.host(op.offset)))


@LOWER.on(StateRead)
def _state_read(op: StateRead, here: Lowering) -> None:
    form = here.states[op.state]
    here.build.emit(StateRead(op.out, op.state), form.fraction, (form.low, form.high), of=op.out)


@LOWER.on(StateWrite)
def _state_write(op: StateWrite, here: Lowering) -> None:
    build, form = here.build, here.states[op.state]
    x = build.at(op.x, form.fraction)
    span = build.spans[x]
    if x in build.constants or span.least < form.low or span.most > form.high:
        x = build.saturated(x, form.fraction, (form.low, form.high), f"{op.state}.next")
        build.instead[op.x] = x
    build.effect(StateWrite(op.state, x))


@LOWER.on(Gather)
def _gather(op: Gather, here: Lowering) -> None:
    build = here.build
    sources = tuple(build.at(s, build.wanted[op.out]) for s in op.sources)
    index = build.constant(op.index, build.source.constants[op.index])
    build.emit(Gather(op.out, sources, index), build.wanted[op.out], of=op.out)


@LOWER.on(SegmentSum)
def _segment_sum(op: SegmentSum, here: Lowering) -> None:
    build, fraction = here.build, here.build.wanted[op.out]
    segment = build.constant(op.segment, build.source.constants[op.segment])
    build.emit(SegmentSum(op.out, build.at(op.x, fraction), segment), fraction, of=op.out)


@LOWER.on(MatVec)
def _mat_vec(op: MatVec, here: Lowering) -> None:
    lower_mat_vec(here.build, op, here.observed)


@LOWER.on(Mul)
def _mul(op: Mul, here: Lowering) -> None:
    lower_mul(here.build, op, here.bounds[op.out])


@LOWER.on(Div)
def _div(op: Div, here: Lowering) -> None:
    least = denominator_floor(here.build.source, op, here.bounds, here.observed)
    lower_div(here.build, op, here.bounds[op.out], least)


@LOWER.on(Apply)
def _apply(op: Apply, here: Lowering) -> None:
    lower_apply(here.build, op)


@LOWER.on(Compare)
def _compare(op: Compare, here: Lowering) -> None:
    build = here.build
    fraction = min([build.wanted[n] for n in (op.a, op.b) if n in build.wanted] or [0])
    a, b = build.at(op.a, fraction), build.at(op.b, fraction)
    a, b = _near(build, a, b), _near(build, b, a)
    build.emit(Compare(op.out, a, b, op.relation), 0, of=op.out)


@LOWER.on(Add, Sub)
def _sum(op: Add | Sub, here: Lowering) -> None:
    build, fraction, constants = here.build, here.build.wanted[op.out], here.build.source.constants
    # A constant takes back what flooring has taken from the other operand.
    sign = -1.0 if isinstance(op, Sub) else 1.0
    a = build.at(op.a, fraction, _error(build, op.b, fraction, sign))
    b = build.at(op.b, fraction, _error(build, op.a, fraction, sign))
    name = build.emit(type(op)(op.out, a, b), fraction, of=op.out)
    if op.a in constants or op.b in constants:
        build.bias[name] = np.zeros(1)


@LOWER.on(Min, Max)
def _limit(op: Min | Max, here: Lowering) -> None:
    build, fraction = here.build, here.build.wanted[op.out]
    a, b = build.at(op.a, fraction), build.at(op.b, fraction)
    a, b = _near(build, a, b), _near(build, b, a)
    build.emit(type(op)(op.out, a, b), fraction, of=op.out)


@LOWER.on(Select)
def _select(op: Select, here: Lowering) -> None:
    build, fraction = here.build, here.build.wanted[op.out]
    a, b = build.at(op.a, fraction), build.at(op.b, fraction)
    build.emit(Select(op.out, build.at(op.condition, 0), a, b), fraction, of=op.out)


def _near(build: Builder, name: str, other: str) -> str:
    """A constant beyond all words brought to just beyond all that `other` can be: compared with it, it is the same."""
    constant, word = build.constants.get(name), build.chip.word_high
    if constant is None or (constant.min(initial=0) >= -word - 1 and constant.max(initial=0) <= word):
        return name
    span = build.spans[other]
    return build.constant(f"{name}.near", np.clip(constant, span.least - 1, span.most + 1), build.fractions[name])


def _error(build: Builder, other: str, fraction: int, sign: float) -> Floats | float:
    """What a constant operand of a sum has to make good: the expected error of the `other` operand."""
    return 0.0 if other in build.source.constants else sign * build.bias[build.at(other, fraction)]
