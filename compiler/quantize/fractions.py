"""How many fraction bits each value of a float graph gets: one sweep from the results back to the inputs.

A value's *natural* fraction fills the word. A reader may *want* fewer bits: an element function its
argument's, a product its operand's, a sum those of its result. A value gets the most that any reader
wants, and never more than is natural; a reader that wants fewer narrows its copy.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from compiler.functions import FUNCTIONS, Symmetry
from compiler.functions.function import FAR
from compiler.graph.graph import Graph
from compiler.graph.matrix import column_sizes, places_of, product
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
from compiler.quantize.matrices import exponents
from compiler.quantize.precision import Precision
from compiler.ranges.arithmetic import largest_partial_sums, of_two
from compiler.ranges.observed import Floats, Interval
from compiler.ranges.real_intervals import multiplied, negates
from hw_models.errors import QuantizeError

NONE: Mapping[str, int] = MappingProxyType({})
NO_STEPS: Mapping[str, str] = MappingProxyType({})


def fraction_for(magnitude: float, limit: float) -> int:
    """The most fraction bits with which the integers of +-`magnitude` stay within +-`limit`.

    >>> fraction_for(1.0, 127), fraction_for(1.0, 128), fraction_for(0.0, 128)
    (6, 7, 7)
    """
    if magnitude <= 0:
        return fraction_for(1.0, limit)
    if not math.isfinite(magnitude):
        raise QuantizeError(
            "a value has no bound: intervals let it be infinite",
            advice="Keep the arguments of exp and of divisions within limits, with torch.clamp for one.",
        )
    return math.floor(math.log2(limit) - math.log2(magnitude))


def word_limit(precision: Precision) -> float:
    """The largest integer of a word, less a little for the roundings on the way to it."""
    return 2 ** (precision.word - 1) / 1.001


def operand_limit(precision: Precision, parameter: Floats | None = None) -> float:
    """The largest integer that a product with a parameter may take: its magnitude times the parameter's fits.

    A `parameter` of few digits leaves its operand as many more.

    >>> operand_limit(Precision()) == 2**16, operand_limit(Precision(), np.array([0.5, -3.0])) == 2**29
    (True, True)
    """
    spare = 0 if parameter is None else max(0, precision.parameter - 1 - digits(parameter, precision.parameter - 1))
    return 2 ** (precision.operand - 1 + spare)


def digits(parameter: Floats, most: int) -> int:
    """How many binary digits hold the mantissa of every element; `most` where that is not enough.

    >>> digits(np.array([0.375, 1.0, -8.0]), 15), digits(np.array([0.1]), 15)
    (2, 15)
    """
    mantissa, _ = np.frexp(np.asarray(parameter, np.float64))
    for n in range(1, most):
        scaled = np.ldexp(mantissa, n)
        if np.array_equal(scaled, np.round(scaled)):
            return n
    return most


SMALL_ARGUMENT = 1 / 8
"""Of arguments that stay within this the fraction bits are more than those of others."""
APART = 1 / 64
"""An argument that stays so far from 0 has one sign, also after rounding."""


def argument_fraction(magnitude: float, precision: Precision) -> int:
    """Fraction bits of an element function's argument within +-`magnitude`.

    >>> argument_fraction(8.0, Precision()), argument_fraction(2.0**-10, Precision())
    (13, 23)
    """
    more = 0 if not 0 < magnitude < SMALL_ARGUMENT else -math.ceil(math.log2(magnitude))
    return precision.argument_fraction + more


def one_sided(low: float, high: float) -> bool:
    """Whether what lies in low ... high has one sign: then a sigmoid is fitted where it is used, not by its half."""
    return low > APART or high < -APART


def factor_limit(precision: Precision) -> float:
    """The same for the narrow one in a product of two values, whose other one is split: see product.py."""
    return 2 ** (precision.operand + 2 if precision.wide_products else precision.operand - 1)


def find_fractions(
    graph: Graph,
    bounds: Mapping[str, Interval],
    states: Mapping[str, Interval],
    precision: Precision,
    clipped: Collection[str] = (),
    fewer: Mapping[str, int] = NONE,
    carried: Mapping[str, str] = NO_STEPS,
) -> dict[str, int]:
    """Fraction bits of every value and state of a float graph, of which `bounds` and `states` tell the intervals.

    What is `clipped` is wider before; `fewer` has the bits that values get less; `carried` are sums and their operand
    of which no digit is to be lost.
    """
    natural = find_natural(graph, bounds, states, precision, clipped, fewer)
    found = {s.name: natural[s.name] for s in graph.states}
    taken = taken_by_states(graph, carried)
    computed = {op.result for _, op in graph.ops() if isinstance(op, (Add, Sub, Mul))}
    wanted: dict[str, int] = {}
    wishes = Wishes(graph, found, natural, bounds, precision, taken)
    for _, op in reversed(list(graph.ops())):
        if op.result is not None:
            found[op.result] = _fraction(op, natural, found, wanted)
        for operand, fraction in WANTS(op, wishes):
            if isinstance(op, MatVec) and operand in computed:
                fraction += GUARD_BITS
            if operand == carried.get(op.result or ""):
                fraction = natural.get(operand, fraction)
            wanted[operand] = max(wanted.get(operand, fraction), fraction)
    return found


def find_natural(
    graph: Graph,
    bounds: Mapping[str, Interval],
    states: Mapping[str, Interval],
    precision: Precision,
    clipped: Collection[str] = (),
    fewer: Mapping[str, int] = NONE,
) -> dict[str, int]:
    """The most fraction bits that every value and state can have."""
    natural = _natural(graph, bounds, precision, clipped, fewer)
    natural |= {
        s.name: min(_state_fractions(graph, s.name, states[s.name], natural, precision.at(s.name)))
        for s in graph.states
    }
    for _, op in graph.ops():  # a copy of a state has no more digits than the state
        if isinstance(op, StateRead):
            natural[op.out] = natural[op.state]
        elif isinstance(op, Gather):
            natural[op.out] = min([natural[op.out], *(natural[s] for s in op.sources if s in natural)])
    return natural


def taken_by_states(graph: Graph, carried: Mapping[str, str] = NO_STEPS) -> frozenset[str]:
    """The values that states take, themselves or as terms of sums: what is rounded off them stays lost."""
    found: set[str] = set(carried)
    for _, op in reversed(list(graph.ops())):
        if isinstance(op, StateWrite):
            found.add(op.x)
        elif isinstance(op, (Add, Sub)) and op.out in found:
            found.update(op.operands)
    return frozenset(found)


def _fraction(op: Op, natural: Mapping[str, int], found: Mapping[str, int], wanted: Mapping[str, int]) -> int:
    name = op.result or ""
    if isinstance(op, StateRead):
        return found[op.state]
    if isinstance(op, (MatVec, SegmentSum)):
        return natural[name]  # an accumulator is as wide as it is: what reads a sum narrows it, not what enters it
    return min(natural[name], wanted.get(name, natural[name]))


def _natural(
    graph: Graph,
    bounds: Mapping[str, Interval],
    precision: Precision,
    clipped: Collection[str],
    fewer: Mapping[str, int],
) -> dict[str, int]:
    """Fraction bits that fill the word; of a sum no more than its operands have."""
    # Like `bounds`, but without what is known of states and not of the integers on the way.
    loose = dict(bounds)
    found: dict[str, int] = {}
    for _, op in graph.ops():
        name = op.result
        if name is None:
            continue
        here = precision.at(name)
        here = replace(here, word=here.word - fewer.get(name, 0))
        known = Room(graph, bounds, loose, found, here)
        loose[name] = REACH(op, known)
        found[name] = NATURAL(op, known)
        if name in clipped:
            loose[name] = bounds[name]
    return found


@dataclass(frozen=True)
class Room:
    """What the natural fraction of a result follows from."""

    graph: Graph
    bounds: Mapping[str, Interval]
    loose: Mapping[str, Interval]
    """the intervals without what is known of states"""
    found: Mapping[str, int]
    """the natural fractions of the values before"""
    precision: Precision

    def fraction(self, magnitude: float) -> int:
        """The most fraction bits of a word that holds +-`magnitude`."""
        return fraction_for(magnitude, word_limit(self.precision))

    def filled(self, op: Op) -> int:
        """The fraction bits with which the result of `op` fills the word."""
        return self.fraction(self.loose[op.result or ""].magnitude)


REACH: OpTable[[Room], Interval] = OpTable("what integers reach")
"""The interval of each op's result that integers may reach on the way to it."""


@REACH.on(Input, StateRead, Gather, SegmentSum, MatVec, Apply, Compare, Select, Min, Max)
def _as_proven(op: Op, room: Room) -> Interval:
    return room.bounds[op.result or ""]


@REACH.on(Div)
def _twice(op: Div, room: Room) -> Interval:
    """The quotient is a product with a reciprocal of up to 2: see quotient.py."""
    return Interval(2 * room.bounds[op.out].low, 2 * room.bounds[op.out].high)


@REACH.on(Add, Sub)
def _sum(op: Add | Sub, room: Room) -> Interval:
    return Interval(*of_two(op, room.loose[op.a], room.loose[op.b]))


@REACH.on(Mul)
def _product(op: Mul, room: Room) -> Interval:
    return multiplied(op, room.loose[op.a], room.loose[op.b])


NATURAL: OpTable[[Room], int] = OpTable("natural fractions")
"""The most fraction bits that each op's result can have."""


@NATURAL.on(Input, StateRead, Gather, Compare, Mul, Div)
def _filled(op: Op, room: Room) -> int:
    return room.filled(op)


@NATURAL.on(MatVec)
def _row_sums(op: MatVec, room: Room) -> int:
    return product_fraction(room.graph, op, room.bounds, room.precision)


@NATURAL.on(SegmentSum)
def _segment_sums(op: SegmentSum, room: Room) -> int:
    partial = float(largest_partial_sums(op, room.graph, room.bounds).max(initial=0.0))
    return room.fraction(max(room.loose[op.out].magnitude, partial))


@NATURAL.on(Apply)
def _function(op: Apply, room: Room) -> int:
    return room.fraction(max(room.loose[op.out].magnitude, _half_magnitude(op, room.bounds)))


@NATURAL.on(Add, Sub, Select)
def _of_operands(op: Add | Sub | Select, room: Room) -> int:
    return min([room.filled(op), *(_of_operand(n, room) for n in (op.a, op.b))])


@NATURAL.on(Min, Max)
def _limited(op: Min | Max, room: Room) -> int:
    """A bound may lie far beyond all words: what is compared with it never comes near."""
    return min([room.filled(op), *(room.found[n] for n in (op.a, op.b) if n in room.found)])


def _of_operand(name: str, room: Room) -> int:
    return room.found[name] if name in room.found else room.fraction(room.loose[name].magnitude)


def _half_magnitude(op: Apply, bounds: Mapping[str, Interval]) -> float:
    """What lowering meets on the way to the function's result: its half, and the 1 from which a half is taken.

    A sigmoid far below 0 is tiny, but it is computed as 1 - sigmoid(|x|).
    """
    function = FUNCTIONS[op.function]
    if function.symmetry is Symmetry.NONE:
        return 0.0
    if function.symmetry is Symmetry.COMPLEMENT:
        return 0.0 if one_sided(float(np.min(bounds[op.x].low)), float(np.max(bounds[op.x].high))) else 1.0
    reach = min(bounds[op.x].magnitude, FAR)
    return float(np.abs(function.half(np.linspace(0.0, reach, 1025))).max())


def _state_fractions(
    graph: Graph, state: str, interval: Interval, natural: Mapping[str, int], precision: Precision
) -> list[int]:
    """A state's word holds all that it may be, what is read from it, and what is written to it."""
    names = [op.out for _, op in graph.ops() if isinstance(op, StateRead) and op.state == state]
    names += [op.x for _, op in graph.ops() if isinstance(op, StateWrite) and op.state == state and op.x in natural]
    return [fraction_for(interval.magnitude, word_limit(precision)), *(natural[n] for n in names)]


@dataclass(frozen=True)
class Wishes:
    """What an op's wishes follow from."""

    graph: Graph
    found: Mapping[str, int]
    """fraction bits of the states, and of the results so far"""
    natural: Mapping[str, int]
    bounds: Mapping[str, Interval]
    precision: Precision
    taken: Collection[str]
    """the values that states take"""

    def as_natural(self, names: Sequence[str]) -> Wanted:
        """All that they can have, for values; what a constant has is not its maker's to say."""
        return [(n, self.natural[n]) for n in names if n in self.natural]

    def alike(self, op: Op) -> Wanted:
        """As many as the result has."""
        return [(n, self.found[op.result or ""]) for n in op.operands]


Wanted: TypeAlias = list[tuple[str, int]]
WANTS: OpTable[[Wishes], Wanted] = OpTable("wanted fractions")
"""The fraction bits that each op wants of the values that it reads."""


@WANTS.on(Input, StateRead, Gather, SegmentSum, Add, Sub, Min, Max)
def _alike(op: Op, wishes: Wishes) -> Wanted:
    return wishes.alike(op)


@WANTS.on(StateWrite)
def _of_state(op: StateWrite, wishes: Wishes) -> Wanted:
    return [(op.x, wishes.found[op.state])]


@WANTS.on(Output, Div, Compare)
def _natural_ones(op: Output | Div | Compare, wishes: Wishes) -> Wanted:
    return wishes.as_natural(op.operands)


@WANTS.on(MatVec)
def _messages(op: MatVec, wishes: Wishes) -> Wanted:
    here = wishes.precision.at(op.out)
    extra = MOST_LOW_BITS if here.split_messages else 0
    return [
        (n, wishes.found[op.out] - here.first_weight - e + extra)
        for n, e in zip(op.sources, source_exponents(wishes.graph, op, here), strict=True)
    ]


@WANTS.on(Apply)
def _argument(op: Apply, wishes: Wishes) -> Wanted:
    return [(op.x, argument_fraction(wishes.bounds[op.x].magnitude, wishes.precision.at(op.out)))]


@WANTS.on(Select)
def _selected(op: Select, wishes: Wishes) -> Wanted:
    return [(op.condition, 0)] + [(n, wishes.found[op.out]) for n in (op.a, op.b)]


@WANTS.on(Mul)
def _factors(op: Mul, wishes: Wishes) -> Wanted:
    if negates(wishes.graph, op):
        return [(op.a, wishes.found[op.out])]
    return [(n, _factor(op, n, wishes)) for n in op.operands if n in wishes.natural]


def _factor(op: Mul, name: str, wishes: Wishes) -> int:
    natural, bounds, precision = wishes.natural, wishes.bounds, wishes.precision.at(op.out)
    both_values = op.a in natural and op.b in natural
    if both_values and precision.wide_products and name == op.b and op.a != op.b:
        return natural[name]
    if both_values:
        return fraction_for(bounds[name].magnitude, factor_limit(precision))
    if precision.wide_products and op.out in wishes.taken:
        return natural[name]
    parameter = wishes.graph.constants[op.a if name == op.b else op.b]
    return min(natural[name], fraction_for(bounds[name].magnitude, operand_limit(precision, parameter)))


GUARD_BITS = 6
"""How much finer than a matrix's message is a sum or product that becomes one: it is rounded then, not floored.

What is floored off a message adds up over a row.
"""
MOST_LOW_BITS = 10
"""Bits of a split message's lower half."""


def source_exponents(graph: Graph, op: MatVec, precision: Precision) -> list[int]:
    """How far each source's weights are shifted up: see `matrices.exponents`."""
    return exponents(graph.constants[op.matrix], column_sizes(graph, op), 1.0 - 2.0**-precision.first_weight)


def product_fraction(graph: Graph, op: MatVec, bounds: Mapping[str, Interval], precision: Precision) -> int:
    """The most fraction bits of weight times message with which no partial row sum leaves the accumulator."""
    sizes = [graph.size(s) for s in op.sources]
    shifts = source_exponents(graph, op, precision)
    grid = np.repeat(2.0 ** (precision.first_weight + np.array(shifts)), column_sizes(graph, op))
    reach = np.concatenate(
        [
            np.broadcast_to(np.maximum(np.abs(bounds[s].low), np.abs(bounds[s].high)), (n,))
            for s, n in zip(op.sources, sizes, strict=True)
        ]
    )
    weights = np.ceil(np.abs(graph.constants[op.matrix]) * grid) / grid
    limit = word_limit(precision)
    fractions = [fraction_for(float(product(weights, places_of(graph, op), reach).max(initial=0.0)), limit)]
    for part, shift in zip(np.split(reach, np.cumsum(sizes)[:-1]), shifts, strict=True):
        fractions.append(fraction_for(float(part.max(initial=0.0)), limit) + precision.first_weight + shift)
    return min(fractions)
