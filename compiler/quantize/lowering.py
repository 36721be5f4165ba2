"""What each op of a float graph becomes in integers: one small function an op.

What an op becomes is decided here and nowhere later: the assembler only looks templates up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph import ops
from compiler.graph.op_table import OpTable
from compiler.quantize.activation import lower_apply
from compiler.quantize.integer_builder import IntegerBuilder, state_format
from compiler.quantize.matvec import lower_mat_vec
from compiler.quantize.product import lower_mul
from compiler.quantize.quotient import lower_div
from compiler.quantize.ranged import Ranged
from compiler.ranges.real_intervals import Operands, argument_floor, denominator_floor
from hw_models.arrays import Floats
from hw_models.fixed_point import Format


@dataclass(frozen=True)
class Lowering:
    """What lowering an op looks at: the graph it builds, and what is known of the float graph's values."""

    build: IntegerBuilder
    ranged: Ranged
    states: Mapping[str, Format]
    """the formats of the states"""

    @property
    def operands(self) -> Operands:
        """What is known of the values that are read."""
        return Operands(self.build.source, self.ranged.bounds, self.ranged.observed)


LOWER: OpTable[[Lowering], None] = OpTable("lowering")
"""What each op of a float graph becomes."""


@LOWER.on(ops.Input)
def _input(op: ops.Input, here: Lowering) -> None:
    """What the host sends: it saturates to the calibrated range, and counts."""
    build, interval = here.build, here.ranged.bounds[op.out]
    fraction = build.wanted[op.out]
    form = state_format(fraction, float(np.min(interval.low)), float(np.max(interval.high)))
    new = ops.Input(op.out, build.host_array(op.scale), build.host_array(op.offset))
    build.emit(new, fraction, (form.low, form.high), of=op.out)


@LOWER.on(ops.Output)
def _output(op: ops.Output, here: Lowering) -> None:
    build = here.build
    x = build.at(op.x, build.wanted.get(op.x, 0))
    build.effect(ops.Output(x, build.host_array(op.scale), build.host_array(op.offset)))


@LOWER.on(ops.StateRead)
def _state_read(op: ops.StateRead, here: Lowering) -> None:
    form = here.states[op.state]
    here.build.emit(ops.StateRead(op.out, op.state), form.fraction, (form.low, form.high), of=op.out)


@LOWER.on(ops.StateWrite)
def _state_write(op: ops.StateWrite, here: Lowering) -> None:
    build, form = here.build, here.states[op.state]
    x = build.at(op.x, form.fraction)
    span = build.spans[x]
    if x in build.constants or span.least < form.low or span.most > form.high:
        x = build.saturated(x, form.fraction, (form.low, form.high), f"{op.state}.next")
        build.instead[op.x] = x
    build.effect(ops.StateWrite(op.state, x))


@LOWER.on(ops.Gather)
def _gather(op: ops.Gather, here: Lowering) -> None:
    build = here.build
    sources = tuple(build.at(s, build.wanted[op.out]) for s in op.sources)
    index = build.constant(op.index, build.source.constants[op.index])
    build.emit(ops.Gather(op.out, sources, index), build.wanted[op.out], of=op.out)


@LOWER.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, here: Lowering) -> None:
    build, fraction = here.build, here.build.wanted[op.out]
    segment = build.constant(op.segment, build.source.constants[op.segment])
    build.emit(ops.SegmentSum(op.out, build.at(op.x, fraction), segment), fraction, of=op.out)


@LOWER.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, here: Lowering) -> None:
    lower_mat_vec(here.build, op, here.ranged.observed)


@LOWER.on(ops.Mul)
def _mul(op: ops.Mul, here: Lowering) -> None:
    lower_mul(here.build, op, here.ranged.bounds[op.out])


@LOWER.on(ops.Div)
def _div(op: ops.Div, here: Lowering) -> None:
    least = denominator_floor(op, here.operands)
    lower_div(here.build, op, here.ranged.bounds[op.out], least)


@LOWER.on(ops.Apply)
def _apply(op: ops.Apply, here: Lowering) -> None:
    floor = argument_floor(op, here.operands)
    lower_apply(here.build, op, here.ranged.bounds[op.x], floor)


@LOWER.on(ops.Compare)
def _compare(op: ops.Compare, here: Lowering) -> None:
    build = here.build
    fraction = min([build.wanted[n] for n in (op.a, op.b) if n in build.wanted] or [0])
    a, b = build.at(op.a, fraction), build.at(op.b, fraction)
    a, b = _near(build, a, b), _near(build, b, a)
    build.emit(ops.Compare(op.out, a, b, op.relation), 0, of=op.out)


@LOWER.on(ops.Add, ops.Sub)
def _sum(op: ops.Add | ops.Sub, here: Lowering) -> None:
    build, fraction, constants = here.build, here.build.wanted[op.out], here.build.source.constants
    # A constant takes back what flooring has taken from the other operand.
    sign = -1.0 if isinstance(op, ops.Sub) else 1.0
    a = build.at(op.a, fraction, _error(build, op.b, fraction, sign))
    b = build.at(op.b, fraction, _error(build, op.a, fraction, sign))
    name = build.emit(type(op)(op.out, a, b), fraction, of=op.out)
    if op.a in constants or op.b in constants:
        build.bias[name] = np.zeros(1)


@LOWER.on(ops.Min, ops.Max)
def _limit(op: ops.Min | ops.Max, here: Lowering) -> None:
    build, fraction = here.build, here.build.wanted[op.out]
    a, b = build.at(op.a, fraction), build.at(op.b, fraction)
    a, b = _near(build, a, b), _near(build, b, a)
    build.emit(type(op)(op.out, a, b), fraction, of=op.out)


@LOWER.on(ops.Select)
def _select(op: ops.Select, here: Lowering) -> None:
    build, fraction = here.build, here.build.wanted[op.out]
    a, b = build.at(op.a, fraction), build.at(op.b, fraction)
    build.emit(ops.Select(op.out, build.at(op.condition, 0), a, b), fraction, of=op.out)


def _near(build: IntegerBuilder, name: str, other: str) -> str:
    """A constant beyond all words brought to just beyond all that `other` can be: compared with it, it is the same."""
    constant, word = build.constants.get(name), build.chip.word_high
    if constant is None or (constant.min(initial=0) >= -word - 1 and constant.max(initial=0) <= word):
        return name
    span = build.spans[other]
    return build.constant(f"{name}.near", np.clip(constant, span.least - 1, span.most + 1), build.fractions[name])


def _error(build: IntegerBuilder, other: str, fraction: int, sign: float) -> Floats | float:
    """What a constant operand of a sum has to make good: the expected error of the `other` operand."""
    return 0.0 if other in build.source.constants else sign * build.bias[build.at(other, fraction)]
