"""Inputs centred: the host takes each channel's middle away, and what that adds is folded into the constants behind.

A price of 60,000 +- 300 would spend its word, and the errors of the weights that it meets, on 60,000. What is sent is
the +- 300; from there on a value may be *held* as another one to which a constant *shift* is to be added. Linear ops
carry shifts on, constants that are added, compared or maximised with take them up, the output's offset takes what
arrives there. Where neither is possible, as in a product of two values, the shift is added on the chip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from compiler.functions import FUNCTIONS, Symmetry
from compiler.graph.draft import Draft, Integers, integers, reals
from compiler.graph.graph import Graph
from compiler.graph.matrix import places_of, product
from compiler.graph.ops import (
    Add,
    Apply,
    Compare,
    Gather,
    Input,
    MatVec,
    Max,
    Min,
    Mul,
    Op,
    Output,
    Relation,
    SegmentSum,
    Select,
    Sub,
)
from compiler.quantize.centres import centres
from compiler.ranges.observed import Floats, Interval, Observed
from compiler.ranges.real_intervals import forward, input_margin, signed

NEAR = 2.0**-20
"""A smooth ramp is a straight line where it is nearer to one than this."""


def centred(graph: Graph, sequences: Sequence[Floats], margin: float, *, timed: bool = False) -> Graph:
    """The same function, its input channels centred on the host; the graph itself where that has no use.

    `sequences` are calibration data, each (time, features); where it is `timed`, the last channel is a time span and
    stays as it is. A channel that each of its readers would have to shift back stays, too.
    """
    source = next(op for _, op in graph.ops() if isinstance(op, Input))
    scale, offset = graph.constants[source.scale], graph.constants[source.offset]
    middle = centres([s * scale + offset for s in sequences])
    if timed:
        middle[-1:] = 0.0
    observed = Observed(graph, sequences)
    restored: frozenset[str] = frozenset()
    while middle.any():
        sweep = _Sweep(graph, observed, margin, middle, restored)
        new = sweep.run()
        useless = sweep.shifted_back - sweep.taken_up
        if useless:
            middle[list(useless)] = 0.0
            restored = frozenset()
        elif sweep.asked <= restored:
            return new
        else:
            restored |= sweep.asked
    return graph


@dataclass(frozen=True)
class _Held:
    """What stands for a value: `name`, a constant 0 where it is None, to which `shift` is to be added."""

    name: str | None
    shift: Floats


class _Sweep:
    """One way through the graph, its input less `middle`.

    `restored` are the values that are needed as they are: they get their shifts back as soon as they are computed. An
    op that needs another one notes it in `asked`; then the graph is not whole, and another sweep will do.
    """

    def __init__(
        self, graph: Graph, observed: Observed, margin: float, middle: Floats, restored: frozenset[str]
    ) -> None:
        self.graph, self.observed, self.margin, self.middle = graph, observed, margin, middle
        self.draft = Draft(graph)
        self.draft.changed = True
        self.held: dict[str, _Held] = {}
        self.bounds = {n: Interval(c, c) for n, c in graph.constants.items() if c.ndim == 1}
        self.restored = restored | {t.keep for t in graph.time_constants} | {t.total for t in graph.time_constants}
        self.asked: set[str] = set()
        self.channels: dict[str, Integers] = {}
        """of values whose elements are the input's: which of its channels, -1 for none"""
        self.shifted_back: set[int] = set()
        """channels that get their middle back before anything has taken it up"""
        self.taken_up: set[int] = set()

    def run(self) -> Graph:
        """The graph with its input centred."""
        for block in self.graph.blocks:
            self.draft.begin(block)
            for op in block.ops:
                op = op.renamed(self.draft.current)
                self._copy(op)
                if op.result in self.held and op.result in self.restored:
                    held = self.held[op.result]
                    shift = self._constant(held.shift, f"{op.result}.middle")
                    self.draft.put(op, Add(op.result, held.name or "", shift))
            self.draft.end()
        return self.draft.finish()

    def _copy(self, op: Op) -> None:
        if isinstance(op, Input):
            self._input(op)
        elif isinstance(op, MatVec):
            self._mat_vec(op)
        elif not any(n in self.held for n in op.operands):
            self._keep(op)
        elif isinstance(op, Output):
            self._output(op)
        elif isinstance(op, (Gather, SegmentSum)):
            self._moved(op)
        elif isinstance(op, Mul) and any(self._fixed(n) is not None for n in (op.a, op.b)):
            self._scaled(op)
        elif isinstance(op, (Add, Sub)):
            self._sum(op)
        elif isinstance(op, (Min, Max)):
            self._extreme(op)
        elif isinstance(op, Compare):
            self._compared(op)
        elif isinstance(op, Select):
            self._selected(op)
        elif isinstance(op, Apply):
            self._function(op)
        else:
            self._keep(op)

    # --- what is known of a value, and how it is made -----------------------------------------------------------

    def _interval(self, op: Op) -> Interval:
        """What an op computes lies in it, element by element."""
        if isinstance(op, Apply):
            x = self._within(op.x)
            return Interval(*FUNCTIONS[op.function].range_of(x.low, x.high))
        if isinstance(op, Compare):
            return _decided(op, self._within(op.a), self._within(op.b))
        view = replace(self.graph, values=self.draft.values, constants=self.draft.constants)
        found = signed(view, op, forward(view, op, self.bounds, self.observed, self.margin), self.draft.definitions)
        size = self.draft.size(op.result or "")
        return Interval(np.broadcast_to(found.low, (size,)), np.broadcast_to(found.high, (size,)))

    def _within(self, name: str | None, size: int = 1) -> Interval:
        if name is None:
            return Interval(np.zeros(size), np.zeros(size))
        size = self.draft.size(name)
        bound = self.bounds[name]
        return Interval(np.broadcast_to(bound.low, (size,)), np.broadcast_to(bound.high, (size,)))

    def _reach(self, name: str | None) -> Floats:
        bound = self._within(name)
        return np.maximum(np.abs(bound.low), np.abs(bound.high))

    def _fixed(self, name: str) -> Floats | None:
        """The elements of a constant, or of a value that is always the same."""
        if name in self.draft.constants:
            return reals(self.draft, name)
        bound = self._within(name)
        return bound.low if np.array_equal(bound.low, bound.high) and name not in self.held else None

    def _side(self, name: str, size: int) -> _Held:
        """An operand, whether it is held, as it is, or a constant."""
        if name in self.draft.constants:
            return _Held(None, np.broadcast_to(reals(self.draft, name), (size,)))
        return self.held.get(name, _Held(name, np.zeros(size)))

    def _constant(self, array: Floats, name: str) -> str:
        made = self.draft.constant(np.ascontiguousarray(array), name)
        self.bounds[made] = Interval(array, array)
        return made

    def _emit(self, op: Op, like: str, size: int | None = None) -> str:
        """Put `op` before the current one; its result has the origin of `like`. Returns its name."""
        wanted = op.result or ""
        out = self.draft.emit(lambda out: op.renamed(lambda n: out if n == wanted else n), wanted, like, size)
        self.bounds[out] = self._interval(self.draft.definitions[out])
        return out

    def _put(self, op: Op, new: Op, shift: Floats) -> None:
        """`new` computes what `op` does, but for `shift`."""
        name = op.result or ""
        if not shift.any():
            self.draft.put(op, new.renamed(lambda n: name if n == new.result else n))
            self.bounds[name] = self._interval(self.draft.definitions[name])
            return
        self._hold(op, _Held(self._emit(new.renamed(lambda n: f"{name}.centred" if n == name else n), name), shift))

    def _hold(self, op: Op, held: _Held) -> None:
        """What `op` computes is `held` from here on."""
        name, bound = op.result or "", self._within(held.name)
        if held.name is not None and not held.shift.any():
            self.draft.put(op, held.name)
            return
        self.held[name] = held
        self.bounds[name] = Interval(bound.low + held.shift, bound.high + held.shift)

    def _keep(self, op: Op) -> None:
        """An op that needs its operands as they are."""
        for name in op.operands:
            self._as_it_is(name)
        self.draft.put(op, None)
        if op.result is not None:
            self.bounds[op.result] = self._interval(op)

    def _as_it_is(self, name: str) -> None:
        if name in self.held:
            self.asked.add(name)
            self.shifted_back |= self._channels_of(name)

    def _channels_of(self, name: str) -> set[int]:
        found = self.channels.get(name)
        return set() if found is None else set(found[(found >= 0) & (self.held[name].shift != 0.0)].tolist())

    def _take_up(self, *names: str) -> None:
        """What reads these values needs no shift of theirs."""
        for name in names:
            if name in self.held:
                self.taken_up |= self._channels_of(name)

    def _settled(self, name: str, side: _Held, only: npt.NDArray[np.bool_] | bool = True) -> _Held:
        """A shift that is no larger than what it is added to is added, where `only` says so."""
        if side.name is None or not side.shift.any():
            return side
        small = (np.abs(side.shift) <= self._reach(side.name)) & (side.shift != 0.0) & only
        if not small.any():
            return side
        if bool(np.all(small | (side.shift == 0.0))):
            self._as_it_is(name)
            return _Held(name, np.zeros(small.size))
        part = self._constant(np.where(small, side.shift, 0.0), f"{name}.middle")
        settled = self._emit(Add(f"{name}.settled", side.name, part), name)
        return _Held(settled, np.where(small, 0.0, side.shift))

    def _moved_by(self, name: str | None, shift: Floats, like: str) -> str:
        """The value `name` with `shift` added, or the constant."""
        if name is None:
            return self._constant(shift, f"{like}.limit")
        if not shift.any():
            return name
        return self._emit(Add(f"{name}.moved", name, self._constant(shift, f"{name}.middle")), like)

    # --- the ops ------------------------------------------------------------------------------------------------

    def _input(self, op: Input) -> None:
        offset = self._constant(reals(self.graph, op.offset) - self.middle, op.offset)
        seen = self.observed.interval(op.out, input_margin(self.margin))
        name = self.draft.emit(lambda out: Input(out, op.scale, offset), f"{op.out}.centred", op.out)
        largest = np.maximum(np.abs(seen.low - self.middle), np.abs(seen.high - self.middle))
        largest = np.where(largest > 0.0, largest, 1.0)  # what never varies may yet do so
        self.bounds[name] = Interval(-largest, largest)
        self.channels[op.out] = np.arange(self.middle.size)
        self._hold(op, _Held(name, self.middle))

    def _output(self, op: Output) -> None:
        held = self.held[op.x]
        offset = reals(self.graph, op.offset) + reals(self.graph, op.scale) * held.shift
        self._take_up(op.x)
        self.draft.put(op, Output(held.name or "", op.scale, self._constant(offset, op.offset)))

    def _joined(self, sources: Sequence[str]) -> tuple[tuple[str, ...], Floats]:
        """What is read in place of the sources, and its shifts."""
        held = [self.held.get(s, _Held(s, np.zeros(self.draft.size(s)))) for s in sources]
        return tuple(h.name or "" for h in held), np.concatenate([h.shift for h in held])

    def _moved(self, op: Gather | SegmentSum) -> None:
        names, shift = self._joined(op.operands)
        if isinstance(op, SegmentSum):
            self._take_up(op.x)
            segment, size = integers(self.graph, op.segment), self.draft.size(op.out)
            total = np.bincount(segment, weights=shift, minlength=size).astype(np.float64)
            self._put(op, SegmentSum(op.out, names[0], op.segment), total)
            return
        index = integers(self.graph, op.index)
        none = [self.channels.get(s, np.full(self.draft.size(s), -1)) for s in op.sources]
        self.channels[op.out] = np.concatenate(none)[index]
        self._put(op, Gather(op.out, names, op.index), shift[index])

    def _mat_vec(self, op: MatVec) -> None:
        """The matrix times the shifts; columns of what is always the same join them."""
        names, shift = self._joined(op.sources)
        matrix, places = reals(self.graph, op.matrix), places_of(self.graph, op)
        if places is None:
            within = [self._within(n) for n in names]
            low, high = (np.concatenate([getattr(w, end) for w in within]) for end in ("low", "high"))
            fixed = (low == high) & ~np.repeat([n in self.draft.constants for n in names], [w.low.size for w in within])
            if fixed.any():
                shift = shift + np.where(fixed, low, 0.0)
                matrix = np.where(fixed, 0.0, matrix)
        self._take_up(*op.sources)
        name = self._matrix(matrix, op.matrix)
        total = product(reals(self.graph, op.matrix), places, shift)
        self._put(op, MatVec(op.out, names, name, op.places), total)

    def _matrix(self, matrix: Floats, name: str) -> str:
        return name if matrix is self.graph.constants[name] else self.draft.constant(matrix, name)

    def _scaled(self, op: Mul) -> None:
        value, factor = (op.a, op.b) if op.a in self.held else (op.b, op.a)
        held, c = self.held[value], self._fixed(factor)
        assert c is not None  # the caller has asked
        if value in self.channels:
            self.channels[op.out] = self.channels[value]
        self._put(op, Mul(op.out, held.name or "", self._constant(c, factor)), held.shift * c)

    def _sum(self, op: Add | Sub) -> None:
        size, sign = self.draft.size(op.out), 1.0 if isinstance(op, Add) else -1.0
        a, b = self._side(op.a, size), self._side(op.b, size)
        if a.name is not None and b.name is not None and not self._soon_taken_up(op.out):
            a, b = self._settled(op.a, a), self._settled(op.b, b)
        total = a.shift + sign * b.shift
        if a.name is not None and b.name is not None:
            self._take_up(*(n for n, side in ((op.a, a), (op.b, b)) if side.name != n))
            self._put(op, type(op)(op.out, a.name, b.name), total)
            return
        value, held = (op.a, a) if a.name is not None else (op.b, b)
        if value in self.channels:
            self.channels[op.out] = self.channels[value]
        on = (np.abs(total) > self._reach(held.name)) & (held.shift != 0.0)  # such a value never comes near 0
        if not on.all():
            self.taken_up |= {c for c in self._channels_of(value) if c in self.channels[value][~on]}
        rest = np.where(on, 0.0, total)
        if isinstance(op, Add) and not rest.any():
            self._hold(op, _Held(held.name, total))
            return
        one, other = held.name or "", self._constant(rest, op.a if a.name is None else op.b)
        self._put(op, type(op)(op.out, *((other, one) if a.name is None else (one, other))), np.where(on, total, 0.0))

    def _soon_taken_up(self, name: str) -> bool:
        """Whether all that reads a value takes its shift up without an instruction more."""
        return all(
            isinstance(op, (MatVec, SegmentSum, Output))
            or (isinstance(op, (Add, Sub)) and bool({op.a, op.b} & self.graph.constants.keys()))
            for _, op in self.draft.readers.get(name, [])
        )

    def _extreme(self, op: Min | Max) -> None:
        """max(a + s, b + t) = max(a, b + t - s) + s; where it is always a, or always b, the difference may be any."""
        size = self.draft.size(op.out)
        sides = [self._side(n, size) for n in (op.a, op.b)]
        if sides[0].name is None:
            op, sides = type(op)(op.out, op.b, op.a), sides[::-1]
        a, b = sides
        (low, high), apart = self._apart(a, b), b.shift - a.shift
        open_ = (apart > low) & (apart < high)
        a, b = self._settled(op.a, a, open_), self._settled(op.b, b, open_)
        (low, high), apart = self._apart(a, b), b.shift - a.shift
        touched = (a.shift != 0.0) | ((b.shift != 0.0) & (b.name is not None))
        near = np.where(touched, np.clip(apart, low, high), apart)
        second = apart > high if isinstance(op, Max) else apart < low
        shift = np.where(touched & second, b.shift - near, a.shift)
        never = near <= low if isinstance(op, Max) else near >= high
        if b.name is None and bool(np.all(never & touched)):
            self._hold(op, _Held(a.name, shift))
            return
        if b.name is None and op.a in self.channels:
            self.channels[op.out] = self.channels[op.a]
        self._put(op, type(op)(op.out, a.name or "", self._moved_by(b.name, near, op.out)), shift)

    def _apart(self, a: _Held, b: _Held) -> tuple[Floats, Floats]:
        """Between which differences of their shifts both can be the larger one."""
        one, other = self._within(a.name, a.shift.size), self._within(b.name, b.shift.size)
        return one.low - other.high, one.high - other.low

    def _compared(self, op: Compare) -> None:
        size = max(self.draft.size(n) for n in op.operands)
        a, b = self._side(op.a, size), self._side(op.b, size)
        self._take_up(op.a, op.b)
        low, high = self._apart(a, b)
        width = np.where(high > low, high - low, 1.0)
        near = np.clip(b.shift - a.shift, low - width, high + width)
        if a.name is None:
            self._put(op, Compare(op.out, self._moved_by(None, -near, op.out), b.name or "", op.relation), np.zeros(1))
        else:
            self._put(op, Compare(op.out, a.name, self._moved_by(b.name, near, op.out), op.relation), np.zeros(1))

    def _selected(self, op: Select) -> None:
        """Both choices get the shift of one; where the condition is always the same, that of the one chosen."""
        size = self.draft.size(op.out)
        self._as_it_is(op.condition)
        a, b = (self._settled(n, self._side(n, size)) for n in (op.a, op.b))
        condition = self._within(op.condition)
        first = np.broadcast_to((condition.low > 0) | (condition.high < 0), (size,))
        second = np.broadcast_to((condition.low == 0) & (condition.high == 0), (size,))
        common = b.shift if a.name is None else a.shift
        shift = np.where(first, a.shift, np.where(second, b.shift, common))
        apart = [np.where(first | second, 0.0, side.shift - shift) for side in (a, b)]
        if a.name is None:
            apart[0] = np.where(second, 0.0, a.shift - shift)
        if b.name is None:
            apart[1] = np.where(first, 0.0, b.shift - shift)
        chosen = [self._moved_by(s.name, d, op.out) for s, d in zip((a, b), apart, strict=True)]
        self._put(op, Select(op.out, op.condition, *chosen), shift)

    def _function(self, op: Apply) -> None:
        """A function needs its argument, but where it is a straight line."""
        function, held = FUNCTIONS[op.function], self.held[op.x]
        least = {Symmetry.HINGE: 0.0, Symmetry.RAMP: function.tail_at(NEAR)}.get(function.symmetry)
        if least is None or held.name is None:
            self._keep(op)
            return
        right = (self._within(held.name).low + held.shift >= least) & (held.shift != 0.0)
        if right.all():
            self._hold(op, held)
        elif not right.any():
            self._keep(op)
        else:
            rest = self._emit(Mul(f"{op.x}.rest", held.name, self._constant((~right).astype(np.float64), "rest")), op.x)
            middle = self._constant(np.where(right, 0.0, held.shift), f"{op.x}.middle")
            argument = self._emit(Add(f"{op.x}.curved", rest, middle), op.x)
            curved = self._emit(Apply(f"{op.out}.curved", argument, op.function), op.out)
            chosen = self._constant(right.astype(np.float64), f"{op.out}.straight")
            self._put(op, Select(op.out, chosen, held.name, curved), np.where(right, held.shift, 0.0))


def _decided(op: Compare, a: Interval, b: Interval) -> Interval:
    """0 to 1, and one of them where the operands' intervals decide."""
    if op.relation is Relation.EQUAL:
        never = (a.high < b.low) | (a.low > b.high)
        return Interval(np.zeros(never.shape), np.where(never, 0.0, 1.0))
    strict = op.relation is Relation.LESS
    always = a.high < b.low if strict else a.high <= b.low
    never = a.low >= b.high if strict else a.low > b.high
    return Interval(np.where(always, 1.0, 0.0), np.where(never, 0.0, 1.0))
