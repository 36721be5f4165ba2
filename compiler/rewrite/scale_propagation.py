"""Changing the units in which values are held: constant factors move along the ops into other constants.

A *unit* is a factor per element by which a value is multiplied. Where an op and its neighbours allow it,
the constants around it take the factor up and the function stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.graph import ops
from compiler.graph.draft import Draft, integers, reals, sweep
from compiler.graph.graph import Graph, TimeConstant
from compiler.graph.op_table import OpTable
from compiler.rewrite.in_units import convert
from hw_models.arrays import Floats, Integers

SMALLEST = 2.0**-12
"""A limit that is precise enough where channels reach 1."""

Units: TypeAlias = dict[str, Floats]


def with_units(graph: Graph, units: Units) -> Graph:
    """The same function, with each value of `units` multiplied by its unit, under the name `<name>.scaled`.

    The units must fit together, as `View` finds them.
    """
    draft = Draft(graph)
    # what rewrites have numbered is numbered anew, without a longer name
    names = {name: draft.value(f"{name}.scaled".partition("#")[0], name, graph.size(name)) for name in units}

    def new(_: Draft, op: ops.Op) -> ops.Op | None:
        changed = convert(graph, op, units)
        if changed is None:
            return None
        made, arrays = changed
        swaps = {old: draft.constant(array, old) for old, array in arrays.items()}
        return made.renamed(lambda n: swaps.get(n, names.get(n, n)))

    sweep(draft, new)
    draft.values = {name: value for name, value in draft.values.items() if name not in units}
    draft.time_constants = [_in_units(draft, mark, units, names) for mark in graph.time_constants]
    return draft.finish()


def _in_units(draft: Draft, mark: TimeConstant, units: Units, names: Mapping[str, str]) -> TimeConstant:
    if mark.total not in units:
        return mark
    if mark.keep in names:  # a term of the total: it has the same unit
        return replace(mark, keep=names[mark.keep], total=names[mark.total])
    keep = draft.constant(reals(draft, mark.keep) * units[mark.total], mark.keep)
    return replace(mark, keep=keep, total=names[mark.total])


class View:
    """A graph with its readers at hand."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.readers = graph.consumers()

    # --- finding units ---

    def absorb(self, name: str, unit: Floats, units: Units, also: tuple[str, Floats] | None = None) -> Units | None:
        """`units` with that of value `name` (and of a second one), and all that follow from it; None where none fit."""
        if not bool(np.all(np.isfinite(unit) & (unit != 0.0))):
            return None
        found = self.upwards(name, unit, units)
        if found is not None and also is not None:
            found = self.upwards(*also, found)
        if found is None:
            return None
        added = found.keys() - units.keys()
        touched = [self.graph.makers[n] for n in added] + [op for n in added for _, op in self.readers.get(n, [])]
        return found if all(convert(self.graph, op, found) is not None for op in touched) else None

    def upwards(self, name: str, unit: Floats, units: Units) -> Units | None:
        """Units for the values that `name` is made of, up to where constants take them."""
        if name in self.graph.constants:
            return units
        if name in units:
            return units if np.array_equal(units[name], unit) else None
        op = self.graph.makers[name]
        units = {**units, name: unit}
        return UPWARDS(op, self, unit, units)

    def spread(self, units: Units, channel: dict[str, Integers]) -> Integers | None:
        """Carry units onwards through gathers, and sums and limits with constants, to where constants take them up.

        `channel` says for each element of a value in `units` which input channel it is. Returns the channels
        that meet a use which cannot; None where all went well.
        """
        for _, op in self.graph.ops():
            met = [n for n in op.operands if n in units]
            if not met:
                continue
            moved: tuple[Floats, Integers] | None = None
            if isinstance(op, ops.Gather) and len(op.sources) == 1:
                index = integers(self.graph, op.index)
                moved = units[met[0]][index], channel[met[0]][index]
            elif isinstance(op, ops.SameUnit) and len(met) == 1 and self._others_are_constants(op, met[0]):
                moved = units[met[0]], channel[met[0]]
                lost = self._limits_lost(op, moved[0])
                if lost.any():
                    return np.unique(channel[met[0]][lost])
            elif convert(self.graph, op, units) is None:
                return np.unique(np.concatenate([channel[n][units[n] != 1.0] for n in met]))
            if moved is not None and bool(np.any(moved[0] != 1.0)):
                units[op.result or ""], channel[op.result or ""] = moved
        return None

    def _limits_lost(self, op: ops.SameUnit, unit: Floats) -> npt.NDArray[np.bool_]:
        """Where a limit would become too small for a format that reaches 1."""
        if not isinstance(op, (ops.Min, ops.Max)):
            return np.zeros(unit.size, bool)
        limit = np.abs(reals(self.graph, op.b if op.b in self.graph.constants else op.a))
        return (limit > 0.0) & (limit * unit < SMALLEST) & (unit != 1.0)

    def _others_are_constants(self, op: ops.Op, name: str) -> bool:
        return all(n == name or n in self.graph.constants for n in op.operands)


UPWARDS: OpTable[[View, Floats, Units], Units | None] = OpTable("units upwards")
"""`units` with those of all that a result with `unit` is made of; None where none fit. Its own is among them."""
UPWARDS.on(ops.MatVec)(lambda op, view, unit, units: units)


@UPWARDS.on(ops.Mul)
def _factor(op: ops.Mul, view: View, unit: Floats, units: Units) -> Units | None:
    if op.b in view.graph.constants:
        return units
    for factor in sorted((op.a, op.b), key=lambda n: n not in units):
        found = view.upwards(factor, unit, units)
        if found is not None and convert(view.graph, op, found) is not None:
            return found
    return None


@UPWARDS.on(ops.SegmentSum)
def _terms(op: ops.SegmentSum, view: View, unit: Floats, units: Units) -> Units | None:
    return view.upwards(op.x, unit[integers(view.graph, op.segment)], units)


@UPWARDS.on(ops.Gather)
def _sources(op: ops.Gather, view: View, unit: Floats, units: Units) -> Units | None:
    index = integers(view.graph, op.index)
    sizes = [view.graph.size(s) for s in op.sources]
    joined = np.ones(sum(sizes))
    joined[index] = unit
    if not np.array_equal(joined[index], unit):
        return None
    found: Units | None = units
    for source, part in zip(op.sources, np.split(joined, np.cumsum(sizes)[:-1]), strict=True):
        if found is not None:
            found = None if source in view.graph.constants else view.upwards(source, part, found)
    return found


UPWARDS.on(ops.Div)(lambda op, view, unit, units: view.upwards(op.a, unit, units))


@UPWARDS.on(ops.Add, ops.Sub, ops.Select)
def _both(op: ops.Add | ops.Sub | ops.Select, view: View, unit: Floats, units: Units) -> Units | None:
    first = view.upwards(op.a, unit, units)
    return None if first is None else view.upwards(op.b, unit, first)


@UPWARDS.on(ops.Min, ops.Max)
def _limited(op: ops.Min | ops.Max, view: View, unit: Floats, units: Units) -> Units | None:
    if bool(np.any(unit <= 0.0)):
        return None
    first = view.upwards(op.a, unit, units)
    return None if first is None else view.upwards(op.b, unit, first)


# What an op is made of has no unit unless more is known of it.
UPWARDS.always(None, ops.Input, ops.StateRead, ops.Elementwise)
