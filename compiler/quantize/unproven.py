"""The integer graph, before its proof: every op of the float graph in integers, in order.

Ranges are those of real numbers. By how much integers go beyond them is known only when they are there: weights,
messages and factors are rounded, halves of products added, and integers do not see that a state's step and the state
go together. A word has room for a thousandth more; where a value needs more than that, it gets a bit less and all is
lowered again. Of 550 networks in the tests 23 did, most of them once. Formats with that bit less from the start would
take it from the others, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph, State, TimeConstant
from compiler.graph.lowered import Lowered
from compiler.graph.ops import Add, Op, StateWrite
from compiler.graph.validate import validate
from compiler.quantize.carry import lower_carried
from compiler.quantize.formats import Formats
from compiler.quantize.integer_builder import IntegerBuilder, state_format, with_format
from compiler.quantize.limits import WordError
from compiler.quantize.lowering import LOWER, Lowering
from compiler.ranges.norms import under_roots
from compiler.ranges.observed import Interval
from hw_models.chip import Chip
from hw_models.errors import QuantizeError

NEAR = 4
"""LSB beyond their bounds by which squares and their operands are not clipped: it is rounding that brings them there"""
ROUNDING_ROOM = 2.0**-12
"""How far beyond its proven bound, of the bound's magnitude, a state's format reaches: words leave 0.1 % of room."""


@dataclass(frozen=True, eq=False)
class Unproven:
    """An integer graph for a chip, and where it comes from."""

    graph: Graph
    lowered: Lowered
    chip: Chip


def lower(formats: Formats) -> Unproven:
    """Every op in integers. Raises `QuantizeError`.

    Formats follow from real intervals. How far roundings and corrections carry the sums of integers beyond these is
    known when the ops are there: where one leaves its word, its value gets a bit less, and all is lowered again. Most
    networks need it nowhere; a NeuralODE whose words are full all through its solver, six times.
    """
    while True:
        try:
            return _lowered(formats)
        except WordError as error:
            narrower = formats.narrower(error.value)
            if narrower is None:
                raise
            formats = narrower


def _lowered(formats: Formats) -> Unproven:
    """Every op in integers of these formats."""
    ranged, build = formats.ranged, IntegerBuilder(formats)
    states = tuple(_state(build, s, ranged.states[s.name]) for s in ranged.graph.states)
    here = Lowering(build, ranged, {s.name: s.format for s in states if s.format is not None})
    normed = under_roots(ranged.graph).normed
    for block in ranged.graph.blocks:
        for op in _writes_first(block.ops):
            build.op = op
            part = formats.carried.get(op.result or "")
            try:
                if not (part and isinstance(op, Add) and lower_carried(build, op, part)):
                    LOWER(op, here)
            except QuantizeError as error:
                error.where = error.where or build.where(build.lowering)
                if isinstance(error, WordError):
                    error.value = build.lowering
                raise
            if op.result in ranged.clipped:
                reach = ranged.bounds[op.result]
                slack = NEAR * 2.0 ** -build.fraction(op.result) if op.result in normed else 0.0
                build.clip(op.result, float(reach.low.min()) - slack, float(reach.high.max()) + slack)
        build.end_block(block.name, block.repeat)
    build.op = None
    graph = validate(build.graph((*states, *build.carries), _time_constants(build)), "quantize")
    return Unproven(graph, build.lowered, build.chip)


def _writes_first(ops: Sequence[Op]) -> list[Op]:
    """The same, each state written as soon as its value is there: what reads the value then reads it in its bounds."""
    made = {op.result for op in ops}
    ready: dict[str, list[Op]] = {}
    for op in ops:
        if isinstance(op, StateWrite) and op.x in made:
            ready.setdefault(op.x, []).append(op)
    early = {id(op) for writes in ready.values() for op in writes}
    return [each for op in ops if id(op) not in early for each in (op, *ready.get(op.result or "", ()))]


def _state(build: IntegerBuilder, state: State, interval: Interval) -> State:
    fraction = build.wanted[state.name]
    # A state that rests on its bound is now and then rounded past it: the word has room for that.
    slack = ROUNDING_ROOM * interval.magnitude if state.low is not None else 0.0
    form = state_format(fraction, float(np.min(interval.low)) - slack, float(np.max(interval.high)) + slack)
    initial = build.parameter(state.initial, fraction)
    return with_format(state, form, initial)


def _time_constants(build: IntegerBuilder) -> tuple[TimeConstant, ...]:
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
