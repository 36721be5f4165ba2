"""What is known of every value's range, element by element, in real numbers.

States with a proven bound and inputs and states with a calibrated one are the start; interval arithmetic
does the rest. Calibrated ranges become invariants because their formats saturate. Rounding is not looked
at here: `compiler.quantize.intervals` proves the widths again, on the integers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from compiler.backends.execution import Array, Program, prepare
from compiler.backends.float_graph import KERNELS
from compiler.functions import FUNCTIONS
from compiler.functions.function import FAR
from compiler.graph.graph import Graph
from compiler.graph.matrix import places_of, product
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
    SegmentSum,
    Select,
    StateRead,
    StateWrite,
    Sub,
)
from hw_models.errors import QuantizeError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Lower and upper bound, one per element (or one for all)."""

    low: Floats
    high: Floats

    @property
    def magnitude(self) -> float:
        """The largest absolute value of any element."""
        return float(max(np.max(np.abs(self.low), initial=0.0), np.max(np.abs(self.high), initial=0.0)))

    @property
    def common(self) -> Interval:
        """One interval for all elements: what a format or a table guarantees."""
        if not self.low.size:
            return self
        return Interval(np.min(self.low, keepdims=True), np.max(self.high, keepdims=True))

    def intersect(self, other: Interval) -> Interval:
        """Both hold. Where rounding makes them miss each other, `self` stays."""
        low, high = np.maximum(self.low, other.low), np.minimum(self.high, other.high)
        ok = low <= high
        return Interval(np.where(ok, low, self.low), np.where(ok, high, self.high))


@dataclass(frozen=True, eq=False)
class Observed:
    """The smallest and largest of each value over the calibration sequences (time, features), element by element.

    Inputs are read off the data. The float graph runs over them only if something else is asked for: where all
    is proven it never does.
    """

    graph: Graph
    sequences: Sequence[Floats]

    def low(self, name: str) -> Floats:
        """The smallest seen."""
        return self._extremes_of(name)[0]

    def high(self, name: str) -> Floats:
        """The largest seen."""
        return self._extremes_of(name)[1]

    def interval(self, name: str, margin: float) -> Interval:
        """The range seen, `margin` times as wide around its middle."""
        low, high = self._extremes_of(name)
        middle, half = (low + high) / 2, (high - low) / 2
        return Interval(middle - half * margin, middle + half * margin)

    def samples(self, names: Sequence[str]) -> Floats:
        """What the concatenation of the messages `names` to a matrix was, after each sample: (samples, elements)."""
        return np.concatenate([self._messages[n] for n in names], axis=1)

    @cached_property
    def _messages(self) -> dict[str, Floats]:
        """What matrices read, in the last iteration of each sample."""
        names = list(dict.fromkeys(s for _, op in self.graph.ops() if isinstance(op, MatVec) for s in op.sources))
        rows = [self._program.run(group, record=names).record for group in self._groups()]
        return {n: np.concatenate([r[n].reshape(-1, self.graph.size(n)) for r in rows]) for n in names}

    def _groups(self) -> list[Floats]:
        """The sequences, those of equal length stacked."""
        by_length: dict[int, list[Floats]] = {}
        for sequence in self.sequences:
            by_length.setdefault(len(sequence), []).append(sequence)
        return [np.stack(group) for group in by_length.values()]

    @cached_property
    def _program(self) -> Program:
        return prepare(self.graph, KERNELS)

    def _extremes_of(self, name: str) -> tuple[Floats, Floats]:
        return self._inputs[name] if name in self._inputs else self._all[name]

    @cached_property
    def _inputs(self) -> dict[str, tuple[Floats, Floats]]:
        found = {}
        for _, op in self.graph.ops():
            if isinstance(op, Input):
                entered = np.concatenate(self.sequences) * self.graph.constants[op.scale]
                entered = entered + self.graph.constants[op.offset]
                found[op.out] = (entered.min(axis=0), entered.max(axis=0))
        return found

    @cached_property
    def _all(self) -> dict[str, tuple[Floats, Floats]]:
        found: dict[str, tuple[Floats, Floats]] = {}

        def see(name: str, value: Array) -> None:
            low, high = value.min(axis=1), value.max(axis=1)
            if name in found:
                low, high = np.minimum(found[name][0], low), np.maximum(found[name][1], high)
            found[name] = (low, high)

        for group in self._groups():
            self._program.run(group, observe=see)
        return found


WIDE = 2.0
"""How many times as far as its calibrated range a value's proven one reaches before it is clipped to the former"""


def find_bounds(graph: Graph, observed: Observed, margin: float, clipped: Collection[str] = ()) -> dict[str, Interval]:
    """An interval for every value and constant of a float graph; what is `clipped` stays in its calibrated one."""
    return _contract(graph, _sweep(graph, observed, margin, lambda op, _: op.result in clipped))


def find_clipped(graph: Graph, observed: Observed, margin: float) -> frozenset[str]:
    """Sums, products and quotients that a state without a proven bound leads to, and whose intervals are far too wide.

    Where a state's range is a calibrated one, intervals grow with each stage of a solver all the same: the digits of
    what really occurs would be lost. They grow alike from layer to layer where no bounded function is between, as in
    convolutions with relu: the input's range is calibrated, too. And a square takes twice the bits that its operand
    does, which is clipped for that. Nothing else that follows from proven bounds alone is.
    """
    follows = {s.name for s in graph.states if s.low is None}
    named = between_layers(graph) | {op.a for _, op in graph.ops() if isinstance(op, Mul) and op.a == op.b}
    clipped: set[str] = set()

    def wide(op: Op, proven: Interval) -> bool:
        if follows.intersection([op.state] if isinstance(op, StateRead) else op.operands):
            follows.add(str(op.result))
        elif op.result not in named:
            return False
        if not isinstance(op, (Add, Sub, Mul, Div)):
            return False
        seen = observed.interval(str(op.result), margin).magnitude
        if not 0 < WIDE * seen < proven.magnitude:
            return False
        clipped.add(str(op.result))
        return True

    if follows or named:
        _sweep(graph, observed, margin, wide)
    return frozenset(clipped)


def between_layers(graph: Graph) -> frozenset[str]:
    """Values on the way from one matrix to the next on which no function of bounded range lies."""
    behind: set[str] = set()
    for _, op in graph.ops():
        if isinstance(op, MatVec) or (_goes_on(op) and behind.intersection(op.operands)):
            behind.add(str(op.result))
    before: set[str] = set()
    for _, op in reversed(list(graph.ops())):
        if isinstance(op, MatVec) or (_goes_on(op) and op.result in before):
            before.update(op.operands)
    return frozenset(behind & before)


def _goes_on(op: Op) -> bool:
    """Whether an op's result may be as large as its operands are."""
    if isinstance(op, Apply):
        reach = FUNCTIONS[op.function].range_of(np.array([-FAR]), np.array([FAR]))
        return bool(np.max(np.abs(reach)) > 2)
    return isinstance(op, (Add, Sub, Mul, Min, Max, Select, Gather, SegmentSum))


def _sweep(
    graph: Graph, observed: Observed, margin: float, clips: Callable[[Op, Interval], bool]
) -> dict[str, Interval]:
    """The intervals, op by op; where `clips` says so of an op and what it reaches, the calibrated one is taken."""
    bounds = {n: Interval(c, c) for n, c in graph.constants.items() if c.ndim == 1}
    made: dict[str, Op] = {}
    for _, op in graph.ops():
        if op.result is not None:
            found = _forward(graph, op, bounds, observed, margin)
            if isinstance(op, Max) and _is_absolute(graph, op, made):  # max(x, -x): intervals alone do not see it
                found = Interval(np.maximum(found.low, 0.0), found.high)
            bounds[op.result] = observed.interval(op.result, margin).common if clips(op, found) else found
            made[op.result] = op
    return bounds


def _is_absolute(graph: Graph, op: Max, made: Mapping[str, Op]) -> bool:
    """Whether `op` is max(x, -x)."""
    for x, other in ((op.a, op.b), (op.b, op.a)):
        opposite = made.get(other)
        if isinstance(opposite, Mul) and opposite.a == x and negates(graph, opposite):
            return True
    return False


def negates(graph: Graph, op: Mul) -> bool:
    """Whether `op` is x * -1."""
    factor = graph.constants.get(op.b)
    return factor is not None and bool(np.all(factor == -1.0))


def state_interval(graph: Graph, name: str, observed: Observed, margin: float) -> Interval:
    """A state's proven bound, or else the calibrated one; both contain the initial state."""
    state = graph.state(name)
    initial = graph.constants[state.initial].astype(np.float64)
    if state.low is not None and state.high is not None:
        low, high = graph.constants[state.low], graph.constants[state.high]
    else:
        seen = [op.out for _, op in graph.ops() if isinstance(op, StateRead) and op.state == name]
        seen += [op.x for _, op in graph.ops() if isinstance(op, StateWrite) and op.state == name]
        wide = [observed.interval(n, margin) for n in seen if n in graph.values]
        low = np.min([initial, *(w.low for w in wide)], axis=0)
        high = np.max([initial, *(w.high for w in wide)], axis=0)
    return Interval(np.minimum(low, initial), np.maximum(high, initial))


def _forward(graph: Graph, op: Op, bounds: Mapping[str, Interval], observed: Observed, margin: float) -> Interval:
    if isinstance(op, Input):
        return observed.interval(op.out, margin).common
    if isinstance(op, StateRead):
        return state_interval(graph, op.state, observed, margin).common
    if isinstance(op, Gather):
        whole = _joined(graph, op.sources, bounds)
        index = graph.constants[op.index].astype(np.int64)
        return Interval(whole.low[index], whole.high[index])
    if isinstance(op, SegmentSum):
        segment = graph.constants[op.segment].astype(np.int64)
        x = _full(graph, op.x, bounds)
        size = graph.size(op.out)
        low, high = (np.bincount(segment, weights=b, minlength=size).astype(np.float64) for b in (x.low, x.high))
        return Interval(low, high)
    if isinstance(op, MatVec):
        whole, matrix, at = _joined(graph, op.sources, bounds), graph.constants[op.matrix], places_of(graph, op)
        positive, negative = np.maximum(matrix, 0), np.minimum(matrix, 0)
        return Interval(
            product(positive, at, whole.low) + product(negative, at, whole.high),
            product(positive, at, whole.high) + product(negative, at, whole.low),
        )
    if isinstance(op, Apply):
        x = bounds[op.x]
        return Interval(*FUNCTIONS[op.function].range_of(x.low, x.high)).common
    if isinstance(op, Compare):
        return Interval(np.zeros(1), np.ones(1))
    if isinstance(op, Select):
        a, b = bounds[op.a], bounds[op.b]
        return Interval(np.minimum(a.low, b.low), np.maximum(a.high, b.high))
    assert isinstance(op, (Add, Sub, Mul, Div, Min, Max))
    a, b = bounds[op.a], bounds[op.b]
    if isinstance(op, Add):
        return Interval(a.low + b.low, a.high + b.high)
    if isinstance(op, Sub):
        return Interval(a.low - b.high, a.high - b.low)
    if isinstance(op, Min):
        return Interval(np.minimum(a.low, b.low), np.minimum(a.high, b.high))
    if isinstance(op, Max):
        return Interval(np.maximum(a.low, b.low), np.maximum(a.high, b.high))
    if isinstance(op, Mul):
        return multiplied(op, a, b)
    return _quotient(graph, op, a, _denominator(graph, op, bounds, observed))


def multiplied(op: Mul, a: Interval, b: Interval) -> Interval:
    """What `op` makes of its operands' intervals."""
    if op.a == op.b:
        ends = np.stack([a.low**2, a.high**2])
        return Interval(np.where((a.low < 0) & (a.high > 0), 0.0, ends.min(axis=0)), ends.max(axis=0))
    ends = np.stack(np.broadcast_arrays(a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high))
    return Interval(ends.min(axis=0), ends.max(axis=0))


def _quotient(graph: Graph, op: Div, a: Interval, b: Interval) -> Interval:
    ends = np.stack(np.broadcast_arrays(a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high))
    return Interval(ends.min(axis=0), ends.max(axis=0))


def denominator_floor(graph: Graph, op: Div, bounds: Mapping[str, Interval], observed: Observed) -> Floats:
    """The lower bound below which a denominator is clipped: proven where above 0, else an eighth of the least seen."""
    proven = bounds[op.b].low
    if np.all(proven > 0) or op.b in graph.constants:
        least = proven
    else:
        least = observed.low(op.b)
    if np.any((proven <= 0) & (least <= 0)):
        worst = int(np.argmin(np.broadcast_to(least, (graph.size(op.b),))))
        raise QuantizeError(
            "a division whose denominator can be zero or negative",
            where=f"{op.out}, element {worst}; {'; '.join(graph.values[op.out].lines)}",
            numbers=f"proven lower bound {np.min(proven):.6g}, smallest seen {np.min(least):.6g}",
            advice="Keep the denominator positive, for example by adding a constant.",
        )
    return np.where(proven > 0, proven, least / 8)


def _denominator(graph: Graph, op: Div, bounds: Mapping[str, Interval], observed: Observed) -> Interval:
    return Interval(denominator_floor(graph, op, bounds, observed), bounds[op.b].high)


def _contract(graph: Graph, bounds: dict[str, Interval]) -> dict[str, Interval]:
    """What is written to a state with a proven bound lies in it; so does, shifted, what is added to the state.

    Interval arithmetic alone does not see that numerator and denominator of an LTC's update go together.
    """
    bounds = dict(bounds)
    made_by = {op.result: op for _, op in graph.ops() if op.result is not None}
    for _, op in graph.ops():
        if not isinstance(op, StateWrite) or graph.state(op.state).low is None:
            continue
        state = graph.state(op.state)
        proven = Interval(graph.constants[state.low or ""], graph.constants[state.high or ""])
        written = made_by.get(op.x)
        if op.x in bounds and op.x not in graph.constants:
            bounds[op.x] = bounds[op.x].intersect(proven)
        if isinstance(written, Add):
            for one, other in ((written.a, written.b), (written.b, written.a)):
                if isinstance(made_by.get(one), Div):  # a quotient is clipped to what is known of it
                    rest = bounds[other]
                    bounds[one] = bounds[one].intersect(Interval(proven.low - rest.high, proven.high - rest.low))
    return bounds


def _full(graph: Graph, name: str, bounds: Mapping[str, Interval]) -> Interval:
    size = graph.size(name)
    return Interval(np.broadcast_to(bounds[name].low, (size,)), np.broadcast_to(bounds[name].high, (size,)))


def _joined(graph: Graph, sources: Sequence[str], bounds: Mapping[str, Interval]) -> Interval:
    parts = [_full(graph, s, bounds) for s in sources]
    return Interval(np.concatenate([p.low for p in parts]), np.concatenate([p.high for p in parts]))
