"""Shifts: what stands for each value where it is held as another one, to which a constant is to be added."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from compiler.functions import FUNCTIONS
from compiler.graph.draft import Draft, reals
from compiler.graph.ops import Add, Apply, Compare, Op, Relation
from compiler.ranges.observed import Interval, Observed
from compiler.ranges.real_intervals import interval_of, signed
from hw_models.arrays import Floats, Integers


@dataclass(frozen=True)
class ShiftedValue:
    """What stands for a value: `name`, a constant 0 where it is None, to which `shift` is to be added."""

    name: str | None
    shift: Floats


class Shifts:
    """One way through the graph, its input less `middle`.

    `restored` are the values that are needed as they are: they get their shifts back as soon as they are computed. An
    op that needs another one notes it in `asked`; then the graph is not whole, and another sweep will do.
    """

    def __init__(self, observed: Observed, margin: float, middle: Floats, restored: frozenset[str]) -> None:
        graph = observed.graph
        self.graph, self.observed, self.margin, self.middle = graph, observed, margin, middle
        self.draft = Draft(graph)
        self.draft.changed = True
        self.held: dict[str, ShiftedValue] = {}
        self.bounds = {n: Interval(c, c) for n, c in graph.constants.items() if c.ndim == 1}
        self.restored = restored | {t.keep for t in graph.time_constants} | {t.total for t in graph.time_constants}
        self.asked: set[str] = set()
        self.channels: dict[str, Integers] = {}
        """of values whose elements are the input's: which of its channels, -1 for none"""
        self.shifted_back: set[int] = set()
        """channels that get their middle back before anything has taken it up"""
        self.taken_up: set[int] = set()

    def interval(self, op: Op) -> Interval:
        """What an op computes lies in it, element by element."""
        if isinstance(op, Apply):
            x = self.within(op.x)
            return Interval(*FUNCTIONS[op.function].range_of(x.low, x.high))
        if isinstance(op, Compare):
            return _decided(op, self.within(op.a), self.within(op.b))
        view = replace(self.graph, values=self.draft.values, constants=self.draft.constants)
        found = signed(view, op, interval_of(view, op, self.bounds, self.observed, self.margin), self.draft.definitions)
        size = self.draft.size(op.result or "")
        return Interval(np.broadcast_to(found.low, (size,)), np.broadcast_to(found.high, (size,)))

    def within(self, name: str | None, size: int = 1) -> Interval:
        """Between which ends each element of `name` is; `size` zeros where there is none."""
        if name is None:
            return Interval(np.zeros(size), np.zeros(size))
        size = self.draft.size(name)
        bound = self.bounds[name]
        return Interval(np.broadcast_to(bound.low, (size,)), np.broadcast_to(bound.high, (size,)))

    def reach(self, name: str | None) -> Floats:
        """The largest magnitude of each element."""
        bound = self.within(name)
        return np.maximum(np.abs(bound.low), np.abs(bound.high))

    def fixed(self, name: str) -> Floats | None:
        """The elements of a constant, or of a value that is always the same."""
        if name in self.draft.constants:
            return reals(self.draft, name)
        bound = self.within(name)
        return bound.low if np.array_equal(bound.low, bound.high) and name not in self.held else None

    def side(self, name: str, size: int) -> ShiftedValue:
        """An operand, whether it is held, as it is, or a constant."""
        if name in self.draft.constants:
            return ShiftedValue(None, np.broadcast_to(reals(self.draft, name), (size,)))
        return self.held.get(name, ShiftedValue(name, np.zeros(size)))

    def constant(self, array: Floats, name: str) -> str:
        """Add a constant, under a name like `name`."""
        made = self.draft.constant(np.ascontiguousarray(array), name)
        self.bounds[made] = Interval(array, array)
        return made

    def emit(self, op: Op, like: str) -> str:
        """Put `op` before the current one; its result has the origin of `like`. Returns its name."""
        wanted = op.result or ""
        out = self.draft.emit(lambda out: op.renamed(lambda n: out if n == wanted else n), wanted, like)
        self.bounds[out] = self.interval(self.draft.definitions[out])
        return out

    def put(self, op: Op, new: Op, shift: Floats | None = None) -> None:
        """`new` computes what `op` does, but for `shift`."""
        name = op.result or ""
        if shift is None or not shift.any():
            self.draft.put(op, new.renamed(lambda n: name if n == new.result else n))
            self.bounds[name] = self.interval(self.draft.definitions[name])
            return
        centred = self.emit(new.renamed(lambda n: f"{name}.centred" if n == name else n), name)
        self.hold(op, ShiftedValue(centred, shift))

    def hold(self, op: Op, held: ShiftedValue) -> None:
        """What `op` computes is `held` from here on."""
        name, bound = op.result or "", self.within(held.name)
        if held.name is not None and not held.shift.any():
            self.draft.put(op, held.name)
            return
        self.held[name] = held
        self.bounds[name] = Interval(bound.low + held.shift, bound.high + held.shift)

    def keep(self, op: Op) -> None:
        """An op that needs its operands as they are."""
        for name in op.operands:
            self.as_it_is(name)
        self.draft.put(op, None)
        if op.result is not None:
            self.bounds[op.result] = self.interval(op)

    def as_it_is(self, name: str) -> None:
        """An op needs this value without a shift."""
        if name in self.held:
            self.asked.add(name)
            self.shifted_back |= self.channels_of(name)

    def channels_of(self, name: str) -> set[int]:
        """The input's channels that a held value has the shifts of."""
        found = self.channels.get(name)
        return set() if found is None else set(found[(found >= 0) & (self.held[name].shift != 0.0)].tolist())

    def take_up(self, *names: str) -> None:
        """What reads these values needs no shift of theirs."""
        for name in names:
            if name in self.held:
                self.taken_up |= self.channels_of(name)

    def settled(self, name: str, side: ShiftedValue, only: npt.NDArray[np.bool_] | bool = True) -> ShiftedValue:
        """A shift that is no larger than what it is added to is added, where `only` says so."""
        if side.name is None or not side.shift.any():
            return side
        small = (np.abs(side.shift) <= self.reach(side.name)) & (side.shift != 0.0) & only
        if not small.any():
            return side
        if bool(np.all(small | (side.shift == 0.0))):
            self.as_it_is(name)
            return ShiftedValue(name, np.zeros(small.size))
        part = self.constant(np.where(small, side.shift, 0.0), f"{name}.middle")
        settled = self.emit(Add(f"{name}.settled", side.name, part), name)
        return ShiftedValue(settled, np.where(small, 0.0, side.shift))

    def moved_by(self, name: str | None, shift: Floats, like: str) -> str:
        """The value `name` with `shift` added, or the constant."""
        if name is None:
            return self.constant(shift, f"{like}.limit")
        if not shift.any():
            return name
        return self.emit(Add(f"{name}.moved", name, self.constant(shift, f"{name}.middle")), like)


def _decided(op: Compare, a: Interval, b: Interval) -> Interval:
    """0 to 1, and one of them where the operands' intervals decide."""
    if op.relation is Relation.EQUAL:
        never = (a.high < b.low) | (a.low > b.high)
        return Interval(np.zeros(never.shape), np.where(never, 0.0, 1.0))
    strict = op.relation is Relation.LESS
    always = a.high < b.low if strict else a.high <= b.low
    never = a.low >= b.high if strict else a.low > b.high
    return Interval(np.where(always, 1.0, 0.0), np.where(never, 0.0, 1.0))
