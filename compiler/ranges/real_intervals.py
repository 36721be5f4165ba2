"""What is known of every value's range, element by element, in real numbers.

States with a proven bound and inputs and states with a calibrated one are the start; interval arithmetic
does the rest. Calibrated ranges become invariants because their formats saturate. Rounding is not looked
at here: `compiler.ranges.integer_spans` proves the widths again, on the integers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.functions import FUNCTIONS
from compiler.functions.function import Scaling
from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.ranges.arithmetic import ENDS, of_corners
from compiler.ranges.norms import largest_share, share_of_sum, under_roots
from compiler.ranges.observed import Interval, Observed
from compiler.ranges.state_intervals import state_interval
from hw_models.arrays import Floats
from hw_models.errors import QuantizeError

GATES = ("sigmoid", "expm1")
"""The functions of which a gate is made, or what it takes away."""


def find_bounds(graph: Graph, observed: Observed, margin: float, clipped: Collection[str] = ()) -> dict[str, Interval]:
    """An interval for every value and constant of a float graph; what is `clipped` stays in its calibrated one."""

    def kept(op: ops.Op, found: Interval) -> Interval:
        if op.result not in clipped:
            return found
        return clip(op, found, observed, under.margin(op.result, margin))

    under = under_roots(graph)
    return _contract(graph, find_intervals(graph, observed, margin, kept))


def find_intervals(
    graph: Graph, observed: Observed, margin: float, kept: Callable[[ops.Op, Interval], Interval]
) -> dict[str, Interval]:
    """The intervals, op by op; `kept` says of an op and what it reaches with which interval to go on."""
    bounds = {n: Interval(c, c) for n, c in graph.constants.items() if c.ndim == 1}
    for _, op in graph.ops():
        if op.result is not None:
            found = signed(graph, op, interval_of(graph, op, bounds, observed, margin), graph.makers)
            bounds[op.result] = kept(op, found)
    return bounds


def clip(op: ops.Op, proven: Interval, observed: Observed, margin: float) -> Interval:
    """The calibrated range of `op`'s result; its margin does not go beyond what is proven: -x * x is never above 0."""
    seen = observed.interval(str(op.result), margin)
    drained = _drained(op, observed, margin)
    if drained is not None:
        seen = Interval(np.minimum(seen.low, drained.low), np.maximum(seen.high, drained.high))
    return seen.common.intersect(proven.common)


def _drained(op: ops.Op, observed: Observed, margin: float) -> Interval | None:
    """What a gate of its calibrated range takes from a state anywhere in its own: the state clips first, then."""
    if not isinstance(op, ops.Mul):
        return None
    a, b = observed.graph.makers.get(op.a), observed.graph.makers.get(op.b)
    for read, gate in ((a, b), (b, a)):
        if isinstance(read, ops.StateRead) and isinstance(gate, ops.Apply) and gate.function in GATES:
            state = state_interval(observed.graph, read.state, observed, margin)
            return multiplied(op, state, observed.interval(gate.out, margin))
    return None


def signed(graph: Graph, op: ops.Op, found: Interval, made: Mapping[str, ops.Op]) -> Interval:
    """The interval `found` of `op`'s result with the sign of max(x, -x) and a x * b x: intervals do not see it."""
    if not isinstance(op, (ops.Max, ops.Mul)):
        return found
    (a, factor), (b, other) = (_multiple(graph, n, made) for n in (op.a, op.b))
    if a != b:
        return found
    sign = factor * other
    if isinstance(op, ops.Mul):
        return Interval(
            np.where(sign >= 0, np.maximum(found.low, 0.0), found.low),
            np.where(sign <= 0, np.minimum(found.high, 0.0), found.high),
        )
    return Interval(np.where(sign <= 0, np.maximum(found.low, 0.0), found.low), found.high)


def _multiple(graph: Graph, name: str, made: Mapping[str, ops.Op]) -> tuple[str, Floats]:
    """x and a where the value is a x."""
    factor, op = np.ones(1), made.get(name)
    while isinstance(op, ops.Mul) and op.b in graph.constants:
        factor, name = factor * graph.constants[op.b], op.a
        op = made.get(name)
    return name, factor


def negates(graph: Graph, op: ops.Mul) -> bool:
    """Whether `op` is x * -1."""
    factor = graph.constants.get(op.b)
    return factor is not None and bool(np.all(factor == -1.0))


def input_margin(margin: float) -> float:
    """Inputs have more room: new data go further than the values after it, which functions and weights even out.

    >>> input_margin(2.0), input_margin(1.0)
    (2.5, 1.0)
    """
    return 1.0 + 1.5 * (margin - 1.0)


@dataclass(frozen=True)
class Operands:
    """What is known of the values of a graph, proven and seen."""

    graph: Graph
    bounds: Mapping[str, Interval]
    observed: Observed


@dataclass(frozen=True)
class KnownIntervals(Operands):
    """What the interval of a result follows from."""

    margin: float


BOUNDS: OpTable[[KnownIntervals], Interval] = OpTable("bounds")
"""The interval of each real op's result."""


def interval_of(
    graph: Graph, op: ops.Op, bounds: Mapping[str, Interval], observed: Observed, margin: float
) -> Interval:
    """What `op` makes of its operands' intervals."""
    return BOUNDS(op, KnownIntervals(graph, bounds, observed, margin))


BOUNDS.on(ops.Input)(lambda op, known: known.observed.interval(op.out, input_margin(known.margin)).common)
BOUNDS.on(ops.StateRead)(lambda op, known: state_interval(known.graph, op.state, known.observed, known.margin).common)


@BOUNDS.on(ops.Apply)
def _apply(op: ops.Apply, known: KnownIntervals) -> Interval:
    x = known.bounds[op.x]
    floor = argument_floor(op, known)
    low = x.low if floor is None else np.maximum(x.low, floor)
    return Interval(*FUNCTIONS[op.function].range_of(low, np.maximum(x.high, low))).common


@BOUNDS.on(ops.Lossless, ops.Gather, ops.SegmentSum, ops.MatVec)
def _of_ends(op: ops.Op, known: KnownIntervals) -> Interval:
    return Interval(*ENDS(op, known.graph, known.bounds))


BOUNDS.on(ops.Mul)(lambda op, known: multiplied(op, known.bounds[op.a], known.bounds[op.b]))


@BOUNDS.on(ops.Div)
def _div(op: ops.Div, known: KnownIntervals) -> Interval:
    least = denominator_floor(op, known)
    denominator = Interval(least, known.bounds[op.b].high)
    found = Interval(*of_corners(known.bounds[op.a], denominator, np.divide))
    share, part = largest_share(known.graph, op, known.graph.makers), share_of_sum(known.graph, op, known.graph.makers)
    if (
        part is not None
        and all(known.bounds[n].low.min(initial=0.0) >= 0 for n in part[0].operands)
        and (part[1] > 0).all()
    ):
        return found.intersect(Interval(np.zeros(1), part[1]))
    return found if share is None else found.intersect(Interval(-share, share))


def multiplied(op: ops.Mul, a: Interval, b: Interval) -> Interval:
    """What `op` makes of its operands' intervals."""
    if op.a == op.b:
        ends = np.stack([a.low**2, a.high**2])
        return Interval(np.where((a.low < 0) & (a.high > 0), 0.0, ends.min(axis=0)), ends.max(axis=0))
    return Interval(*of_corners(a, b, np.multiply))


GUARD = 2.0**-12
"""What is further down, of the range or the least seen, guards from 0 only, as the 1e-8 in x / (sum(|x|) + 1e-8)"""


def denominator_floor(op: ops.Div, known: Operands) -> Floats:
    """The lower bound below which a denominator is clipped: proven where above 0, else an eighth of the least seen.

    The latter, where the proven bound is a guard far below all that was seen: octaves down to it would cost bits.
    """
    refused = QuantizeError(
        "a division whose denominator can be zero or negative",
        advice="Keep the denominator positive, for example by adding a constant.",
    )
    return _above(op, op.b, known, refused)


def argument_floor(op: ops.Apply, known: Operands) -> Floats | None:
    """The same for the argument of a logarithm; None for other functions."""
    function = FUNCTIONS[op.function]
    if function.scaling is not Scaling.LOGARITHM:
        return None
    pole = function.least or 0.0
    refused = QuantizeError(
        f"a logarithm whose argument can be {pole:g} or less",
        advice="Keep its argument above that, for example with torch.clamp or by adding a constant.",
    )
    return _above(op, op.x, known, refused, pole)


def _above(op: ops.Div | ops.Apply, name: str, known: Operands, refused: QuantizeError, pole: float = 0.0) -> Floats:
    graph, bounds, observed = known.graph, known.bounds, known.observed
    proven = bounds[name].low - pole
    if name in graph.constants or np.all(proven > GUARD * (bounds[name].high - pole)):
        least = proven
    else:
        least = observed.low(name) - pole
    if np.any((proven <= 0) & (least <= 0)):
        worst = int(np.argmin(np.broadcast_to(least, (graph.size(name),))))
        refused.where = f"{op.out}, element {worst}; {'; '.join(graph.values[op.out].lines)}"
        refused.numbers = f"proven lower bound {np.min(proven) + pole:.6g}, smallest seen {np.min(least) + pole:.6g}"
        raise refused
    return np.where(proven > np.maximum(GUARD * least, 0.0), proven, least / 8) + pole


def _contract(graph: Graph, bounds: dict[str, Interval]) -> dict[str, Interval]:
    """What is written to a state with a proven bound lies in it; so does, shifted, what is added to the state.

    Interval arithmetic alone does not see that numerator and denominator of an LTC's update go together.
    """
    bounds = dict(bounds)
    for _, op in graph.ops():
        if not isinstance(op, ops.StateWrite) or graph.state(op.state).low is None:
            continue
        state = graph.state(op.state)
        proven = Interval(graph.constants[state.low or ""], graph.constants[state.high or ""])
        written = graph.makers.get(op.x)
        if op.x in bounds and op.x not in graph.constants:
            bounds[op.x] = bounds[op.x].intersect(proven)
        if isinstance(written, ops.Add):
            for one, other in ((written.a, written.b), (written.b, written.a)):
                if isinstance(graph.makers.get(one), ops.Div):  # a quotient is clipped to what is known of it
                    rest = bounds[other]
                    bounds[one] = bounds[one].intersect(Interval(proven.low - rest.high, proven.high - rest.low))
    return bounds
