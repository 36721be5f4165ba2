"""How many fraction bits each value of a float graph gets: one sweep from the results back to the inputs.

A value's *natural* fraction fills the word. A reader may *want* fewer bits: an element function its
argument's, a product its operand's, a sum those of its result. A value gets the most that any reader
wants, and never more than is natural; a reader that wants fewer narrows its copy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from compiler.functions import FUNCTIONS
from compiler.functions.sawtooth import SAWTOOTH
from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.quantize.limits import (
    argument_fraction,
    factor_limit,
    fraction_for,
    is_square,
    operand_limit,
    source_exponents,
    spans_octaves,
)
from compiler.quantize.precision import Precision
from compiler.quantize.ranged import Ranged
from compiler.ranges.clipping import is_unbounded
from compiler.ranges.norms import under_roots
from compiler.ranges.observed import Interval
from compiler.ranges.real_intervals import negates

GUARD_BITS = 6
"""How much finer than a matrix's message is what is computed and becomes one: it is rounded then, not floored.

What is floored off a message adds up over a row; so does what is floored off squares, over a sum that a root is taken
of.
"""
MOST_LOW_BITS = 10
"""Bits of a split message's lower half."""


def find_fractions(ranged: Ranged, natural: Mapping[str, int], carried: Mapping[str, str]) -> dict[str, int]:
    """Fraction bits of every value and state of a float graph, at most those that are `natural`.

    `carried` are sums and their operand of which no bit is to be lost.
    """
    graph = ranged.graph
    found = {s.name: natural[s.name] for s in graph.states}
    taken = taken_by_states(graph, carried)
    guarded = {op.result for _, op in graph.ops() if GUARDED(op)}
    rooted = under_roots(graph).sums
    wanted: dict[str, int] = {}
    wishes = Wishes(graph, found, natural, ranged.bounds, ranged.precision, taken)
    for _, op in reversed(list(graph.ops())):
        if op.result is not None:
            found[op.result] = _fraction(op, natural, found, wanted)
        for operand, fraction in WANTS(op, wishes):
            if operand in (guarded if isinstance(op, ops.MatVec) else rooted if isinstance(op, ops.SegmentSum) else ()):
                fraction += GUARD_BITS
            if operand == carried.get(op.result or ""):
                fraction = natural.get(operand, fraction)
            wanted[operand] = max(wanted.get(operand, fraction), fraction)
    return found


GUARDED: OpTable[[], bool] = OpTable("guarded messages")
"""Whether what an op computes has GUARD_BITS more where it becomes a message to a matrix."""
GUARDED.otherwise(False)
GUARDED.always(True, ops.Add, ops.Sub, ops.Mul, ops.Min, ops.Max)


GUARDED.on(ops.Apply)(is_unbounded)


def taken_by_states(graph: Graph, carried: Collection[str]) -> frozenset[str]:
    """The values that states take, themselves or as terms of sums: what is rounded off them stays lost."""
    found: set[str] = set(carried)
    for _, op in reversed(list(graph.ops())):
        if isinstance(op, ops.StateWrite):
            found.add(op.x)
        elif isinstance(op, (ops.Add, ops.Sub)) and op.out in found:
            found.update(op.operands)
    return frozenset(found)


def _fraction(op: ops.Op, natural: Mapping[str, int], found: Mapping[str, int], wanted: Mapping[str, int]) -> int:
    name = op.result or ""
    if isinstance(op, ops.StateRead):
        return found[op.state]
    if isinstance(op, (ops.MatVec, ops.SegmentSum)):
        return natural[name]  # an accumulator is as wide as it is: what reads a sum narrows it, not what enters it
    return min(natural[name], wanted.get(name, natural[name]))


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

    def alike(self, op: ops.Op) -> Wanted:
        """As many as the result has."""
        return [(n, self.found[op.result or ""]) for n in op.operands]


Wanted: TypeAlias = list[tuple[str, int]]
WANTS: OpTable[[Wishes], Wanted] = OpTable("wanted fractions")
"""The fraction bits that each op wants of the values that it reads."""


@WANTS.on(ops.Input, ops.StateRead, ops.Gather, ops.SegmentSum, ops.Add, ops.Sub, ops.Min, ops.Max)
def _alike(op: ops.Op, wishes: Wishes) -> Wanted:
    return wishes.alike(op)


WANTS.on(ops.StateWrite)(lambda op, wishes: [(op.x, wishes.found[op.state])])
WANTS.on(ops.Output, ops.Elementwise)(lambda op, wishes: wishes.as_natural(op.operands))


@WANTS.on(ops.MatVec)
def _messages(op: ops.MatVec, wishes: Wishes) -> Wanted:
    here = wishes.precision.at(op.out)
    extra = MOST_LOW_BITS if here.split_messages else 0
    return [
        (n, wishes.found[op.out] - here.first_weight - e + extra)
        for n, e in zip(op.sources, source_exponents(wishes.graph, op, here), strict=True)
    ]


@WANTS.on(ops.Apply)
def _argument(op: ops.Apply, wishes: Wishes) -> Wanted:
    if op.function == SAWTOOTH.name or spans_octaves(FUNCTIONS[op.function], wishes.bounds[op.x]):
        return wishes.as_natural([op.x])
    low, high = float(np.min(wishes.bounds[op.x].low)), float(np.max(wishes.bounds[op.x].high))
    square = is_square(wishes.graph, op.x)
    return [(op.x, argument_fraction(low, high, wishes.precision.at(op.out), square=square))]


WANTS.on(ops.Select)(lambda op, wishes: [(op.condition, 0)] + [(n, wishes.found[op.out]) for n in (op.a, op.b)])


@WANTS.on(ops.Mul)
def _factors(op: ops.Mul, wishes: Wishes) -> Wanted:
    if negates(wishes.graph, op):
        return [(op.a, wishes.found[op.out])]
    return [(n, _factor(op, n, wishes)) for n in op.operands if n in wishes.natural]


def _factor(op: ops.Mul, name: str, wishes: Wishes) -> int:
    natural, bounds, precision = wishes.natural, wishes.bounds, wishes.precision.at(op.out)
    both_values = op.a in natural and op.b in natural
    if both_values and precision.wide_products and name == op.b and op.a != op.b:
        return natural[name]
    if both_values:
        guard = GUARD_BITS if precision.whole_products else 0
        return fraction_for(bounds[name].magnitude, factor_limit(precision)) + guard
    if precision.wide_products and (precision.whole_products or op.out in wishes.taken):
        return natural[name]
    parameter = wishes.graph.constants[op.a if name == op.b else op.b]
    return min(natural[name], fraction_for(bounds[name].magnitude, operand_limit(precision, parameter)))
