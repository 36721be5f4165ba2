"""Arguments so large that the function's whole course lies within a few LSB are clipped.

A raw timestamp drives gates to +-10^6, where they are 0 or 1: a word for that leaves the argument no fraction. Clipped
to where the function still changes, before the row's factor makes it large, it has all the fraction that it needs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.functions import FUNCTIONS, Function, Symmetry
from compiler.graph.draft import Draft, reals, rewrite
from compiler.graph.ops import Add, Apply, Max, Min, Mul, Op, Sub
from compiler.quantize.floating import Floating
from compiler.quantize.precision import Precision
from compiler.ranges.observed import Interval
from hw_models.arrays import Floats

FLAT = 2.0**-24
"""A function that is so near to its limit is taken to be there."""

STEPS = 3
"""Between its ends an argument takes 2^STEPS values at least."""
SPARE = 4
"""Bits of a word that a matrix's sums may leave unused, sign included."""


def clip_arguments(here: Floating) -> Floating:
    """Arguments that would have too few fraction bits are clipped where their function is flat."""
    bounds = here.bounds

    def rule(draft: Draft, op: Op) -> Op | None:
        found = _flat_outside(draft, op)
        if found is None:
            return None
        argument, ends = found
        precision = here.precision.at(op.result or "")
        far = 2.0 ** (precision.word - 1 - precision.argument_fraction)
        if argument not in bounds or not _worth_it(bounds[argument], ends, far):
            return None
        return _replaced(draft, op, argument, _clipped(draft, bounds, argument, ends, precision))

    return here.written(rewrite(here.graph, rule))


def window(function: Function) -> tuple[float, float]:
    """Outside of which a function stays what it is at the ends; infinite where it does not.

    >>> [round(end, 1) for end in window(FUNCTIONS["sigmoid"])], window(FUNCTIONS["sqrt"])
    ([-16.6, 16.6], (-inf, inf))
    """
    tail, below = function.tail_at(FLAT), function.tail_below_at(FLAT)
    if function.symmetry is Symmetry.NONE:
        return (-np.inf if below is None else -below), np.inf
    if tail is None:
        return -np.inf, np.inf
    return -tail, np.inf if function.symmetry in (Symmetry.RAMP, Symmetry.HINGE) else tail


def _flat_outside(draft: Draft, op: Op) -> tuple[str, Interval] | None:
    """The argument of a function, or of a pair of limits, and between which ends the result follows it."""
    if isinstance(op, Apply):
        low, high = window(FUNCTIONS[op.function])
        return (op.x, Interval(np.array([low]), np.array([high]))) if np.isfinite([low, high]).any() else None
    if isinstance(op, (Min, Max)):
        inner, outer_limit = draft.definition(op.a), draft.array(op.b)
        if isinstance(inner, Min if isinstance(op, Max) else Max) and outer_limit is not None:
            inner_limit = draft.array(inner.b)
            if inner_limit is not None:
                ends = (outer_limit, inner_limit) if isinstance(op, Max) else (inner_limit, outer_limit)
                room = (ends[1] - ends[0]) / 4  # both limits follow yet, and their ends are exact
                return (inner.a, Interval(ends[0] - room, ends[1] + room)) if bool(np.all(room > 0)) else None
    return None


def _worth_it(argument: Interval, ends: Interval, far: float) -> bool:
    """Whether it reaches too far, and no further than `far` when it is clipped."""
    clipped = Interval(*(np.clip(end, ends.low, ends.high) for end in (argument.low, argument.high)))
    return argument.magnitude > far >= clipped.magnitude


def _clipped(
    draft: Draft, bounds: Mapping[str, Interval], argument: str, inside: Interval, precision: Precision
) -> str:
    """(clip(x) + b / a) * a for an argument a x + b: clipped and shifted before a factor makes it large."""
    size = draft.size(argument)
    base, factor, addend = _origin(draft, argument, size)
    least, most = (np.broadcast_to(end, (size,)) for end in (bounds[base].low, bounds[base].high))
    ends = [(np.broadcast_to(end, (size,)) - addend) / factor for end in (inside.low, inside.high)]
    first, last = np.minimum(*ends), np.maximum(*ends)
    first, last = np.where(np.isfinite(first), first, least), np.where(np.isfinite(last), last, most)
    anchor = np.where(first == least, first, np.where(last == most, last, (first + last) / 2))
    place = bounds[base].magnitude * 2.0 ** (SPARE - precision.word)
    first, last, steep = _wide_enough(Interval(first, last), anchor, Interval(least, most), place, precision)
    x = base
    for kind, limit, idle in ((Max, np.clip(first, least, most), least), (Min, np.clip(last, least, most), most)):
        if not np.array_equal(limit, idle):
            at = draft.constant(limit, f"{argument}.{'low' if kind is Max else 'high'}")
            x = draft.emit(lambda out, k=kind, x=x, at=at: k(out, x, at), f"{argument}.limited", argument)
    # Where all that occurs lies beyond an end, it becomes that end.
    beyond = np.where(first > most, first - most, np.where(last < least, last - least, 0.0))
    anchor = np.where(steep < 1.0, anchor, 0.0)  # what is less steep turns around it
    shift = (addend / factor + anchor) / steep - anchor + beyond
    if shift.any():
        moved = draft.constant(shift, f"{argument}.shift")
        x = draft.emit(lambda out, x=x: Add(out, x, moved), f"{argument}.moved", argument)
    factor = factor * steep
    if np.any(factor != 1.0):
        scale = draft.constant(factor, f"{argument}.factor")
        x = draft.emit(lambda out, x=x: Mul(out, x, scale), f"{argument}.clipped", argument)
    return x


def _wide_enough(
    ends: Interval, anchor: Floats, reach: Interval, place: float, precision: Precision
) -> tuple[Floats, Floats, Floats]:
    """The ends, a few LSB (of the origin, or where the largest fills the operand) apart; and the factor for it.

    Else both ends of a function that changes between two LSB would be rounded to one. The `anchor` stays.
    """
    first, last = ends.low, ends.high
    largest = Interval(*(np.clip(end, reach.low, reach.high) for end in (first, last))).magnitude
    wide, wanted = last - first, 2.0**STEPS * max(place, largest * 2.0**-precision.operand)
    narrow = (last >= reach.low) & (first <= reach.high) & (wide > 0.0) & (wide < wanted)
    more = np.where(narrow, wanted / np.where(narrow, wide, 1.0), 1.0)
    return anchor + (first - anchor) * more, anchor + (last - anchor) * more, 1.0 / more


def _origin(draft: Draft, name: str, size: int) -> tuple[str, Floats, Floats]:
    """x, a and b where the value is a x + b."""
    factor, addend = np.ones(size), np.zeros(size)
    while True:
        op = draft.definition(name)
        if isinstance(op, Add) and op.b in draft.constants:
            addend, name = addend + factor * reals(draft, op.b), op.a
        elif isinstance(op, Sub) and op.a in draft.constants:
            addend, factor, name = addend + factor * reals(draft, op.a), -factor, op.b
        elif isinstance(op, Mul) and op.b in draft.constants and bool(np.all(reals(draft, op.b))):
            factor, name = factor * reals(draft, op.b), op.a
        else:
            return name, factor, addend


def _replaced(draft: Draft, op: Op, argument: str, clipped: str) -> Op:
    """`op` with another argument; of two limits, both."""
    if isinstance(op, (Min, Max)):
        inner = draft.definition(op.a)
        assert isinstance(inner, (Min, Max))  # _flat_outside has found it
        first = draft.emit(lambda out: type(inner)(out, clipped, inner.b), f"{inner.out}.clipped", inner.out)
        return type(op)(op.out, first, op.b)
    return op.renamed(lambda n: clipped if n == argument else n)
