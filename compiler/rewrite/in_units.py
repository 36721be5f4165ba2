"""What each op becomes where the values around it are held in other units: a constant takes the factor up, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from compiler.graph import ops
from compiler.graph.draft import integers, reals
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from hw_models.arrays import Floats

Converted: TypeAlias = tuple[ops.Op, dict[str, Floats]] | None
"""The op, and new arrays for some of its constants; None where the units do not fit."""


@dataclass(frozen=True)
class Scaled:
    """A graph, and the units in which some of its values are held: a factor per element, or one for all."""

    graph: Graph
    units: Mapping[str, Floats]

    def unit(self, name: str | None) -> Floats:
        """The unit of a value, 1 where it has none."""
        return self.units.get(name or "", np.ones(1))

    def joined(self, sources: Sequence[str]) -> Floats:
        """The units of the concatenation of `sources`."""
        return np.concatenate([np.broadcast_to(self.unit(s), (self.graph.size(s),)) for s in sources])

    def array(self, name: str) -> Floats:
        """A constant."""
        return reals(self.graph, name)


IN_UNITS: OpTable[[Scaled], Converted] = OpTable("changes of units")
"""Each op of a float graph in the new units."""


def convert(graph: Graph, op: ops.Op, units: Mapping[str, Floats]) -> Converted:
    """The op in the new units: itself and new arrays for some of its constants. None where the units do not fit."""
    touched = any(n in units for n in (op.result, *op.operands))
    return IN_UNITS(op, Scaled(graph, units)) if touched else (op, {})


@IN_UNITS.on(ops.Input)
def _input(op: ops.Input, here: Scaled) -> Converted:
    out = here.unit(op.out)
    return op, {op.scale: here.array(op.scale) * out, op.offset: here.array(op.offset) * out}


IN_UNITS.on(ops.Output)(lambda op, here: (op, {op.scale: here.array(op.scale) / here.unit(op.x)}))


@IN_UNITS.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, here: Scaled) -> Converted:
    out, matrix = here.unit(op.out), here.array(op.matrix)
    if op.places is None:
        return op, {op.matrix: matrix * out.reshape(-1, 1) / here.joined(op.sources)}
    rows, entering = at_each_place(out, len(matrix)), here.unit(op.sources[0])
    if rows is None or not bool(np.all(entering == entering[:1])):
        return None
    return op, {op.matrix: matrix * rows[:, None] / entering[:1]}


@IN_UNITS.on(ops.Gather)
def _gather(op: ops.Gather, here: Scaled) -> Converted:
    return _if_same(op, here.unit(op.out), here.joined(op.sources)[integers(here.graph, op.index)])


@IN_UNITS.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, here: Scaled) -> Converted:
    wanted = np.broadcast_to(here.unit(op.out), (here.graph.size(op.out),))[integers(here.graph, op.segment)]
    return _if_same(op, wanted, here.unit(op.x))


@IN_UNITS.on(ops.Mul)
def _mul(op: ops.Mul, here: Scaled) -> Converted:
    if op.b in here.graph.constants:
        return op, {op.b: here.array(op.b) * (here.unit(op.out) / here.unit(op.a))}
    return _if_same(op, here.unit(op.out), here.unit(op.a) * here.unit(op.b))


@IN_UNITS.on(ops.Div)
def _div(op: ops.Div, here: Scaled) -> Converted:
    if op.a in here.graph.constants:
        return op, {op.a: here.array(op.a) * here.unit(op.out) * here.unit(op.b)}
    return _if_same(op, here.unit(op.out), here.unit(op.a) / here.unit(op.b))


IN_UNITS.on(ops.Add, ops.Sub)(lambda op, here: _alike(op, (op.a, op.b), here))


@IN_UNITS.on(ops.Min, ops.Max)
def _limit(op: ops.Min | ops.Max, here: Scaled) -> Converted:
    return None if bool(np.any(here.unit(op.out) <= 0.0)) else _alike(op, (op.a, op.b), here)


IN_UNITS.on(ops.Select)(lambda op, here: None if op.condition in here.units else _alike(op, (op.a, op.b), here))


# An op keeps its units unless more is known of it.
IN_UNITS.always(None, ops.StateRead, ops.StateWrite, ops.Elementwise)


def _alike(op: ops.Op, operands: Sequence[str], here: Scaled) -> Converted:
    """Values have the result's unit; constants take it up."""
    out, constants = here.unit(op.result), here.graph.constants
    if not all(_same(out, here.unit(n)) for n in operands if n not in constants):
        return None
    return op, {n: here.array(n) * out for n in operands if n in constants}


def _if_same(op: ops.Op, a: Floats, b: Floats) -> Converted:
    return (op, {}) if _same(a, b) else None


def _same(a: Floats, b: Floats) -> bool:
    return bool(np.all(a == b))


def at_each_place(factor: Floats, rows: int) -> Floats | None:
    """The factor of each of the `rows` of a convolution's matrix; None where it differs between places."""
    if factor.size <= 1 or rows == 0:
        return np.broadcast_to(factor, (rows,))
    by_row = factor.reshape(rows, -1)
    return by_row[:, 0] if bool(np.all(by_row == by_row[:, :1])) else None
