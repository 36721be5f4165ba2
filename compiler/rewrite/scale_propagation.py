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

from compiler.graph.draft import Draft, Floats, integers, reals, sweep
from compiler.graph.graph import Graph, TimeConstant
from compiler.graph.ops import (
    Add,
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
    Sub,
)

SMALLEST = 2.0**-12
"""A limit beside channels of 1 that is held well enough."""

Units: TypeAlias = dict[str, Floats]


def with_units(graph: Graph, units: Units) -> Graph:
    """The same function, with each value of `units` multiplied by its unit, under the name `<name>.scaled`.

    The units must fit together, as `View` finds them.
    """
    view, draft = View(graph), Draft(graph)
    # what rewrites have numbered is numbered anew, without a longer name
    names = {name: draft.value(f"{name}.scaled".partition("#")[0], name, graph.size(name)) for name in units}

    def new(_: Draft, op: Op) -> Op | None:
        changed = view.convert(op, units)
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
    """A graph with its definitions and readers at hand."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.definition = {op.result: op for _, op in graph.ops() if op.result is not None}
        self.readers = graph.consumers()

    # --- finding units ---

    def absorb(self, name: str, unit: Floats, units: Units, also: tuple[str, Floats] | None = None) -> Units | None:
        """`units` with that of value `name` (and of a second one), and all that follow from it; None where none fit."""
        if not bool(np.all(np.isfinite(unit) & (unit != 0.0))):
            return None
        found = self._upwards(name, unit, units)
        if found is not None and also is not None:
            found = self._upwards(*also, found)
        if found is None:
            return None
        added = found.keys() - units.keys()
        touched = [self.definition[n] for n in added] + [op for n in added for _, op in self.readers.get(n, [])]
        return found if all(self.convert(op, found) is not None for op in touched) else None

    def _upwards(self, name: str, unit: Floats, units: Units) -> Units | None:
        """Units for the values that `name` is made of, up to where constants take them."""
        if name in self.graph.constants:
            return units
        if name in units:
            return units if np.array_equal(units[name], unit) else None
        op = self.definition[name]
        units = {**units, name: unit}
        if isinstance(op, MatVec):
            return units
        if isinstance(op, Mul):
            if op.b in self.graph.constants:
                return units
            for factor in sorted((op.a, op.b), key=lambda n: n not in units):
                found = self._upwards(factor, unit, units)
                if found is not None and self.convert(op, found) is not None:
                    return found
            return None
        if isinstance(op, SegmentSum):
            return self._upwards(op.x, unit[integers(self.graph, op.segment)], units)
        if isinstance(op, Gather):
            return self._through_gather(op, unit, units)
        if isinstance(op, Div):
            return self._upwards(op.a, unit, units)
        if isinstance(op, (Add, Sub, Min, Max, Select)):
            if isinstance(op, (Min, Max)) and bool(np.any(unit <= 0.0)):
                return None
            first = self._upwards(op.a, unit, units)
            return None if first is None else self._upwards(op.b, unit, first)
        return None

    def _through_gather(self, op: Gather, unit: Floats, units: Units) -> Units | None:
        index = integers(self.graph, op.index)
        sizes = [self.graph.size(s) for s in op.sources]
        joined = np.ones(sum(sizes))
        joined[index] = unit
        if not np.array_equal(joined[index], unit):
            return None
        found: Units | None = units
        for source, part in zip(op.sources, np.split(joined, np.cumsum(sizes)[:-1]), strict=True):
            if found is not None:
                found = None if source in self.graph.constants else self._upwards(source, part, found)
        return found

    def spread(self, units: Units, channel: dict[str, npt.NDArray[np.int64]]) -> npt.NDArray[np.int64] | None:
        """Carry units onwards through gathers, and sums and limits with constants, to where constants take them up.

        `channel` says for each element of a value in `units` which input channel it is. Returns the channels
        that meet a use which cannot; None where all went well.
        """
        for _, op in self.graph.ops():
            met = [n for n in op.operands if n in units]
            if not met:
                continue
            moved: tuple[Floats, npt.NDArray[np.int64]] | None = None
            if isinstance(op, Gather) and len(op.sources) == 1:
                index = integers(self.graph, op.index)
                moved = units[met[0]][index], channel[met[0]][index]
            elif isinstance(op, (Add, Sub, Min, Max)) and len(met) == 1 and self._others_are_constants(op, met[0]):
                moved = units[met[0]], channel[met[0]]
                lost = self._limits_lost(op, moved[0])
                if lost.any():
                    return np.unique(channel[met[0]][lost])
            elif self.convert(op, units) is None:
                return np.unique(np.concatenate([channel[n][units[n] != 1.0] for n in met]))
            if moved is not None and bool(np.any(moved[0] != 1.0)):
                units[op.result or ""], channel[op.result or ""] = moved
        return None

    def _limits_lost(self, op: Add | Sub | Min | Max, unit: Floats) -> npt.NDArray[np.bool_]:
        """Where a limit would become so small a number that no format beside 1 holds it."""
        if not isinstance(op, (Min, Max)):
            return np.zeros(unit.size, bool)
        limit = np.abs(reals(self.graph, op.b if op.b in self.graph.constants else op.a))
        return (limit > 0.0) & (limit * unit < SMALLEST) & (unit != 1.0)

    def _others_are_constants(self, op: Op, name: str) -> bool:
        return all(n == name or n in self.graph.constants for n in op.operands)

    # --- using them ---

    def convert(self, op: Op, units: Units) -> tuple[Op, dict[str, Floats]] | None:
        """The op in the new units: itself and new arrays for some of its constants. None where the units do not fit."""

        def unit(name: str) -> Floats:
            return units.get(name, np.ones(1))

        def joined(sources: tuple[str, ...]) -> Floats:
            return np.concatenate([np.broadcast_to(unit(s), (self.graph.size(s),)) for s in sources])

        if not any(n in units for n in (op.result, *op.operands)):
            return op, {}
        graph, constants = self.graph, self.graph.constants
        out = unit(op.result or "")
        if isinstance(op, Input):
            return op, {op.scale: reals(graph, op.scale) * out, op.offset: reals(graph, op.offset) * out}
        if isinstance(op, Output):
            return op, {op.scale: reals(graph, op.scale) / unit(op.x)}
        if isinstance(op, MatVec) and op.places is not None:
            matrix = reals(graph, op.matrix)
            rows, entering = at_each_place(out, len(matrix)), unit(op.sources[0])
            fits = rows is not None and bool(np.all(entering == entering[:1]))
            return (op, {op.matrix: matrix * rows[:, None] / entering[:1]}) if fits and rows is not None else None
        if isinstance(op, MatVec):
            scaled = reals(graph, op.matrix) * out.reshape(-1, 1) / joined(op.sources)
            return op, {op.matrix: scaled}
        if isinstance(op, Gather):
            return (op, {}) if _same(out, joined(op.sources)[integers(graph, op.index)]) else None
        if isinstance(op, SegmentSum):
            wanted = np.broadcast_to(out, (self.graph.size(op.out),))[integers(graph, op.segment)]
            return (op, {}) if _same(wanted, unit(op.x)) else None
        if isinstance(op, Mul):
            if op.b in constants:
                return op, {op.b: reals(graph, op.b) * (out / unit(op.a))}
            return (op, {}) if _same(out, unit(op.a) * unit(op.b)) else None
        if isinstance(op, Div):
            if op.a in constants:
                return op, {op.a: reals(graph, op.a) * out * unit(op.b)}
            return (op, {}) if _same(out, unit(op.a) / unit(op.b)) else None
        if isinstance(op, (Add, Sub, Min, Max, Select)):
            if isinstance(op, Select) and op.condition in units:
                return None
            if isinstance(op, (Min, Max)) and bool(np.any(out <= 0.0)):
                return None
            if not all(_same(out, unit(n)) for n in (op.a, op.b) if n not in constants):
                return None
            return op, {n: reals(graph, n) * out for n in (op.a, op.b) if n in constants}
        return None


def at_each_place(factor: Floats, rows: int) -> Floats | None:
    """The factor of each of the `rows` of a convolution's matrix; None where it differs between places."""
    if factor.size <= 1 or rows == 0:
        return np.broadcast_to(factor, (rows,))
    by_row = factor.reshape(rows, -1)
    return by_row[:, 0] if bool(np.all(by_row == by_row[:, :1])) else None


def _same(a: Floats, b: Floats) -> bool:
    return bool(np.all(a == b))
