"""Natural fractions: the most fraction bits that each value and state of a float graph can have, filling its word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from compiler.functions import FUNCTIONS, Symmetry
from compiler.functions.function import FAR, Scaling
from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.matrix import column_sizes, places_of
from compiler.graph.op_table import OpTable
from compiler.quantize.limits import fraction_for, one_sided, source_exponents, word_limit
from compiler.quantize.precision import Precision
from compiler.quantize.ranged import Ranged
from compiler.ranges.arithmetic import ENDS, largest_partial_sums, largest_row_sums, of_all
from compiler.ranges.observed import Interval
from compiler.ranges.real_intervals import multiplied

NONE: Mapping[str, int] = MappingProxyType({})


def find_natural(ranged: Ranged, fewer: Mapping[str, int] = NONE) -> dict[str, int]:
    """The most fraction bits that every value and state can have; `fewer` has the bits that values get less."""
    graph, natural = ranged.graph, _natural(ranged, fewer)
    for s in graph.states:
        natural[s.name] = min(_state_fractions(ranged, s.name, natural))
    for _, op in graph.ops():  # a copy of a state has no more fraction bits than the state
        if isinstance(op, ops.StateRead):
            natural[op.out] = natural[op.state]
        elif isinstance(op, ops.Gather):
            natural[op.out] = min([natural[op.out], *(natural[s] for s in op.sources if s in natural)])
    return natural


def _natural(ranged: Ranged, fewer: Mapping[str, int]) -> dict[str, int]:
    """Fraction bits that fill the word; of a sum no more than its operands have."""
    # Like the bounds, but without what is known of states and not of the integers on the way.
    loose = dict(ranged.bounds)
    found: dict[str, int] = {}
    for _, op in ranged.graph.ops():
        name = op.result
        if name is None:
            continue
        here = ranged.precision.at(name)
        here = replace(here, word=here.word - fewer[name]) if name in fewer else here
        known = Room(ranged.graph, ranged.bounds, loose, found, here)
        loose[name] = REACH(op, known)
        found[name] = NATURAL(op, known)
        if name in ranged.clipped:
            loose[name] = ranged.bounds[name]
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

    def filled(self, op: ops.Op) -> int:
        """The fraction bits with which the result of `op` fills the word."""
        return self.fraction(self.loose[op.result or ""].magnitude)


REACH: OpTable[[Room], Interval] = OpTable("what integers reach")
"""The interval of each op's result that integers may reach on the way to it."""


@REACH.on(
    *(ops.Input, ops.StateRead, ops.Gather, ops.SegmentSum, ops.MatVec),
    *(ops.Apply, ops.Compare, ops.Select, ops.Min, ops.Max),
)
def _as_proven(op: ops.Op, room: Room) -> Interval:
    return room.bounds[op.result or ""]


@REACH.on(ops.Div)
def _twice(op: ops.Div, room: Room) -> Interval:
    """The quotient is a product with a reciprocal of up to 2: see quotient.py."""
    return Interval(2 * room.bounds[op.out].low, 2 * room.bounds[op.out].high)


REACH.on(ops.Lossless)(lambda op, room: Interval(*ENDS(op, room.graph, room.loose)))
REACH.on(ops.Mul)(lambda op, room: multiplied(op, room.loose[op.a], room.loose[op.b]))


NATURAL: OpTable[[Room], int] = OpTable("natural fractions")
"""The most fraction bits that each op's result can have."""
NATURAL.on(ops.Input, ops.StateRead, ops.Gather, ops.Compare, ops.Mul, ops.Div)(lambda op, room: room.filled(op))
NATURAL.on(ops.MatVec)(lambda op, room: product_fraction(room.graph, op, room.bounds, room.precision))


@NATURAL.on(ops.SegmentSum)
def _segment_sums(op: ops.SegmentSum, room: Room) -> int:
    partial = float(largest_partial_sums(op, room.graph, room.bounds).max(initial=0.0))
    return room.fraction(max(room.loose[op.out].magnitude, partial))


@NATURAL.on(ops.Apply)
def _function(op: ops.Apply, room: Room) -> int:
    return room.fraction(max(room.loose[op.out].magnitude, _half_magnitude(op, room.bounds)))


NATURAL.on(ops.Lossless)(lambda op, room: min([room.filled(op), *(_of_operand(n, room) for n in op.operands)]))
NATURAL.on(ops.Select)(lambda op, room: min([room.filled(op), *(_of_operand(n, room) for n in (op.a, op.b))]))


@NATURAL.on(ops.Min, ops.Max)
def _limited(op: ops.Min | ops.Max, room: Room) -> int:
    """A bound may lie far beyond all words: what is compared with it never comes near."""
    return min([room.filled(op), *(room.found[n] for n in (op.a, op.b) if n in room.found)])


def _of_operand(name: str, room: Room) -> int:
    return room.found[name] if name in room.found else room.fraction(room.loose[name].magnitude)


def _half_magnitude(op: ops.Apply, bounds: Mapping[str, Interval]) -> float:
    """What lowering meets on the way to the function's result: its half, and the 1 from which a half is taken.

    A sigmoid far below 0 is tiny, but it is computed as 1 - sigmoid(|x|).
    """
    function = FUNCTIONS[op.function]
    if function.scaling is Scaling.LOGARITHM:  # the octaves, and what is left of one
        return bounds[op.out].magnitude + 1.0
    if function.symmetry is Symmetry.NONE:
        return 0.0
    if function.symmetry is Symmetry.COMPLEMENT:
        return 0.0 if one_sided(float(np.min(bounds[op.x].low)), float(np.max(bounds[op.x].high))) else 1.0
    reach = FAR if function.period is not None else min(bounds[op.x].magnitude, FAR)
    return float(np.abs(function.half(np.linspace(0.0, reach, 1025))).max())


def _state_fractions(ranged: Ranged, state: str, natural: Mapping[str, int]) -> list[int]:
    """A state's word holds all that it may be, what is read from it, and what is written to it."""
    graph, interval = ranged.graph, ranged.states[state]
    names = [op.out for _, op in graph.ops() if isinstance(op, ops.StateRead) and op.state == state]
    names += [op.x for _, op in graph.ops() if isinstance(op, ops.StateWrite) and op.state == state and op.x in natural]
    return [fraction_for(interval.magnitude, word_limit(ranged.precision.at(state))), *(natural[n] for n in names)]


def product_fraction(graph: Graph, op: ops.MatVec, bounds: Mapping[str, Interval], precision: Precision) -> int:
    """The most fraction bits of weight times message with which no partial row sum leaves the accumulator."""
    sizes = [graph.size(s) for s in op.sources]
    shifts = source_exponents(graph, op, precision)
    grid = np.repeat(2.0 ** (precision.first_weight + np.array(shifts)), column_sizes(graph, op))
    low, high = of_all(op.sources, graph, bounds)
    weights = np.sign(graph.constants[op.matrix]) * np.ceil(np.abs(graph.constants[op.matrix]) * grid) / grid
    limit = word_limit(precision)
    largest = largest_row_sums(weights, places_of(graph, op), low, high)
    fractions = [fraction_for(float(largest.max(initial=0.0)), limit)]
    reach = np.maximum(np.abs(low), np.abs(high))
    for part, shift in zip(np.split(reach, np.cumsum(sizes)[:-1]), shifts, strict=True):
        fractions.append(fraction_for(float(part.max(initial=0.0)), limit) + precision.first_weight + shift)
    return min(fractions)
