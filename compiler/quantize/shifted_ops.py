"""What each op becomes whose operands are held with shifts: it carries them on, takes them up, or needs them back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.functions import FUNCTIONS, Symmetry
from compiler.graph import ops
from compiler.graph.draft import integers, reals
from compiler.graph.matrix import matrix_product, places_of
from compiler.graph.op_table import OpTable
from compiler.quantize.shifts import ShiftedValue, Shifts
from compiler.ranges.observed import Interval
from compiler.ranges.real_intervals import input_margin
from hw_models.arrays import Floats

NEAR = 2.0**-20
"""A smooth ramp is a straight line where it is nearer to one than this."""

SHIFTED: OpTable[[Shifts], None] = OpTable("shifts")
"""What each op becomes. The input brings shifts in, a matrix may; all others have operands that are held."""


@SHIFTED.on(ops.StateRead, ops.StateWrite, ops.Elementwise)
def _kept(op: ops.Op, at: Shifts) -> None:
    """An op needs its operands as they are unless more is known of it."""
    at.keep(op)


@SHIFTED.on(ops.Input)
def _input(op: ops.Input, at: Shifts) -> None:
    offset = at.constant(reals(at.graph, op.offset) - at.middle, op.offset)
    seen = at.observed.interval(op.out, input_margin(at.margin))
    name = at.draft.emit(lambda out: ops.Input(out, op.scale, offset), f"{op.out}.centred", op.out)
    largest = np.maximum(np.abs(seen.low - at.middle), np.abs(seen.high - at.middle))
    largest = np.where(largest > 0.0, largest, 1.0)  # what never varies may yet do so
    at.bounds[name] = Interval(-largest, largest)
    at.channels[op.out] = np.arange(at.middle.size)
    at.hold(op, ShiftedValue(name, at.middle))


@SHIFTED.on(ops.Output)
def _output(op: ops.Output, at: Shifts) -> None:
    held = at.held[op.x]
    offset = reals(at.graph, op.offset) + reals(at.graph, op.scale) * held.shift
    at.take_up(op.x)
    at.draft.put(op, ops.Output(held.name or "", op.scale, at.constant(offset, op.offset)))


def _joined(at: Shifts, sources: Sequence[str]) -> tuple[tuple[str, ...], Floats]:
    """What is read in place of the sources, and its shifts."""
    held = [at.held.get(s, ShiftedValue(s, np.zeros(at.draft.size(s)))) for s in sources]
    return tuple(h.name or "" for h in held), np.concatenate([h.shift for h in held])


@SHIFTED.on(ops.Gather, ops.SegmentSum)
def _moved(op: ops.Gather | ops.SegmentSum, at: Shifts) -> None:
    names, shift = _joined(at, op.operands)
    if isinstance(op, ops.SegmentSum):
        at.take_up(op.x)
        segment, size = integers(at.graph, op.segment), at.draft.size(op.out)
        total = np.bincount(segment, weights=shift, minlength=size).astype(np.float64)
        at.put(op, ops.SegmentSum(op.out, names[0], op.segment), total)
        return
    index = integers(at.graph, op.index)
    none = [at.channels.get(s, np.full(at.draft.size(s), -1)) for s in op.sources]
    at.channels[op.out] = np.concatenate(none)[index]
    at.put(op, ops.Gather(op.out, names, op.index), shift[index])


@SHIFTED.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, at: Shifts) -> None:
    """The matrix times the shifts; columns of what is always the same join them."""
    names, shift = _joined(at, op.sources)
    matrix, places = reals(at.graph, op.matrix), places_of(at.graph, op)
    if places is None:
        within = [at.within(n) for n in names]
        low, high = (np.concatenate([getattr(w, end) for w in within]) for end in ("low", "high"))
        fixed = (low == high) & ~np.repeat([n in at.draft.constants for n in names], [w.low.size for w in within])
        if fixed.any():
            shift = shift + np.where(fixed, low, 0.0)
            matrix = np.where(fixed, 0.0, matrix)
    at.take_up(*op.sources)
    name = _matrix(at, matrix, op.matrix)
    total = matrix_product(reals(at.graph, op.matrix), places, shift)
    at.put(op, ops.MatVec(op.out, names, name, op.places), total)


def _matrix(at: Shifts, matrix: Floats, name: str) -> str:
    return name if matrix is at.graph.constants[name] else at.draft.constant(matrix, name)


@SHIFTED.on(ops.Mul)
def _scaled(op: ops.Mul, at: Shifts) -> None:
    """A factor that is always the same scales the shift; another value needs its partner as it is."""
    value, factor = (op.a, op.b) if op.a in at.held else (op.b, op.a)
    held, c = at.held[value], at.fixed(factor)
    if c is None:
        at.keep(op)
        return
    if value in at.channels:
        at.channels[op.out] = at.channels[value]
    at.put(op, ops.Mul(op.out, held.name or "", at.constant(c, factor)), held.shift * c)


@SHIFTED.on(ops.Add, ops.Sub)
def _sum(op: ops.Add | ops.Sub, at: Shifts) -> None:
    size, sign = at.draft.size(op.out), 1.0 if isinstance(op, ops.Add) else -1.0
    a, b = at.side(op.a, size), at.side(op.b, size)
    if a.name is not None and b.name is not None and not _soon_taken_up(at, op.out):
        a, b = at.settled(op.a, a), at.settled(op.b, b)
    total = a.shift + sign * b.shift
    if a.name is not None and b.name is not None:
        at.take_up(*(n for n, side in ((op.a, a), (op.b, b)) if side.name != n))
        at.put(op, type(op)(op.out, a.name, b.name), total)
        return
    value, held = (op.a, a) if a.name is not None else (op.b, b)
    if value in at.channels:
        at.channels[op.out] = at.channels[value]
    on = (np.abs(total) > at.reach(held.name)) & (held.shift != 0.0)  # such a value never comes near 0
    if not on.all():
        at.taken_up |= {c for c in at.channels_of(value) if c in at.channels[value][~on]}
    rest = np.where(on, 0.0, total)
    if isinstance(op, ops.Add) and not rest.any():
        at.hold(op, ShiftedValue(held.name, total))
        return
    one, other = held.name or "", at.constant(rest, op.a if a.name is None else op.b)
    at.put(op, type(op)(op.out, *((other, one) if a.name is None else (one, other))), np.where(on, total, 0.0))


def _soon_taken_up(at: Shifts, name: str) -> bool:
    """Whether all that reads a value takes its shift up without an instruction more."""
    return all(
        isinstance(op, (ops.MatVec, ops.SegmentSum, ops.Output))
        or (isinstance(op, (ops.Add, ops.Sub)) and bool({op.a, op.b} & at.graph.constants.keys()))
        for _, op in at.draft.readers.get(name, [])
    )


@SHIFTED.on(ops.Min, ops.Max)
def _extreme(op: ops.Min | ops.Max, at: Shifts) -> None:
    """max(a + s, b + t) = max(a, b + t - s) + s; where it is always a, or always b, the difference may be any."""
    size = at.draft.size(op.out)
    sides = [at.side(n, size) for n in (op.a, op.b)]
    if sides[0].name is None:
        op, sides = type(op)(op.out, op.b, op.a), sides[::-1]
    a, b = sides
    (low, high), apart = _apart(at, a, b), b.shift - a.shift
    open_ = (apart > low) & (apart < high)
    a, b = at.settled(op.a, a, open_), at.settled(op.b, b, open_)
    (low, high), apart = _apart(at, a, b), b.shift - a.shift
    touched = (a.shift != 0.0) | ((b.shift != 0.0) & (b.name is not None))
    near = np.where(touched, np.clip(apart, low, high), apart)
    second = apart > high if isinstance(op, ops.Max) else apart < low
    shift = np.subtract(b.shift, near, out=np.array(a.shift), where=touched & second)
    never = near <= low if isinstance(op, ops.Max) else near >= high
    if b.name is None and bool(np.all(never & touched)):
        at.hold(op, ShiftedValue(a.name, shift))
        return
    if b.name is None and op.a in at.channels:
        at.channels[op.out] = at.channels[op.a]
    at.put(op, type(op)(op.out, a.name or "", at.moved_by(b.name, near, op.out)), shift)


def _apart(at: Shifts, a: ShiftedValue, b: ShiftedValue) -> tuple[Floats, Floats]:
    """Between which differences of their shifts both can be the larger one."""
    one, other = at.within(a.name, a.shift.size), at.within(b.name, b.shift.size)
    return one.low - other.high, one.high - other.low


@SHIFTED.on(ops.Compare)
def _compared(op: ops.Compare, at: Shifts) -> None:
    size = max(at.draft.size(n) for n in op.operands)
    a, b = at.side(op.a, size), at.side(op.b, size)
    at.take_up(op.a, op.b)
    low, high = _apart(at, a, b)
    width = np.where(high > low, high - low, 1.0)
    near = np.clip(b.shift - a.shift, low - width, high + width)
    if a.name is None:
        at.put(op, ops.Compare(op.out, at.moved_by(None, -near, op.out), b.name or "", op.relation))
    else:
        at.put(op, ops.Compare(op.out, a.name, at.moved_by(b.name, near, op.out), op.relation))


@SHIFTED.on(ops.Select)
def _selected(op: ops.Select, at: Shifts) -> None:
    """Both choices get the shift of one; where the condition is always the same, that of the one chosen."""
    size = at.draft.size(op.out)
    at.as_it_is(op.condition)
    a, b = (at.settled(n, at.side(n, size)) for n in (op.a, op.b))
    condition = at.within(op.condition)
    first = np.broadcast_to((condition.low > 0) | (condition.high < 0), (size,))
    second = np.broadcast_to((condition.low == 0) & (condition.high == 0), (size,))
    common = b.shift if a.name is None else a.shift
    shift = np.where(first, a.shift, np.where(second, b.shift, common))
    apart = [np.where(first | second, 0.0, side.shift - shift) for side in (a, b)]
    if a.name is None:
        apart[0] = np.where(second, 0.0, a.shift - shift)
    if b.name is None:
        apart[1] = np.where(first, 0.0, b.shift - shift)
    chosen = [at.moved_by(s.name, d, op.out) for s, d in zip((a, b), apart, strict=True)]
    at.put(op, ops.Select(op.out, op.condition, *chosen), shift)


@SHIFTED.on(ops.Apply)
def _function(op: ops.Apply, at: Shifts) -> None:
    """A function needs its argument, but where it is a straight line."""
    function, held = FUNCTIONS[op.function], at.held[op.x]
    least = {Symmetry.HINGE: 0.0, Symmetry.RAMP: function.tail_at(NEAR)}.get(function.symmetry)
    if least is None or held.name is None:
        at.keep(op)
        return
    right = (at.within(held.name).low + held.shift >= least) & (held.shift != 0.0)
    if right.all():
        at.hold(op, held)
    elif not right.any():
        at.keep(op)
    else:
        rest = at.emit(ops.Mul(f"{op.x}.rest", held.name, at.constant((~right).astype(np.float64), "rest")), op.x)
        middle = at.constant(np.where(right, 0.0, held.shift), f"{op.x}.middle")
        argument = at.emit(ops.Add(f"{op.x}.curved", rest, middle), op.x)
        curved = at.emit(ops.Apply(f"{op.out}.curved", argument, op.function), op.out)
        chosen = at.constant(right.astype(np.float64), f"{op.out}.straight")
        at.put(op, ops.Select(op.out, chosen, held.name, curved), np.where(right, held.shift, 0.0))
