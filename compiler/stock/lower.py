"""Lowering: from a float graph to the plan of an iteration.

Sums, factors, gathers and matrices are affine maps and cost nothing until a node reads them. An element function, a
limit and a maximum become a bank of hinges, a product of two values a product, a quotient a product with a
reciprocal. A state is the node that computes its next value; where it is read by anything but hinges, it is read
through two hinges that hold it within its bounds, so that no loop can leave what is proven.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from compiler.functions import FUNCTIONS
from compiler.graph.graph import Graph
from compiler.graph.names import fresh, primed
from compiler.graph.ops import (
    Add,
    Apply,
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
    StateRead,
    StateWrite,
    Sub,
)
from compiler.ranges.observed import Interval
from compiler.stock.affine import Affine, Tap, constant, joined, message
from compiler.stock.form import LibraryForm, Reciprocal
from compiler.stock.piecewise_linear import fit
from compiler.stock.plan import Bank, HostSource, Node, ProcessPlan, Product, Relay, Root
from compiler.stock.solver_loop import loop_of
from hw_models.arrays import Floats, Integers
from hw_models.errors import QuantizeError

SOURCE = "source"
LARGEST = 2**25
"""elements of a value's matrix: beyond, a network is too large for dense connections"""
DEEPEST = 62
"""ticks that a message can be delayed"""
NARROW = 1e-9
"""An interval is at least so wide, or a share of its ends so great: knots need room."""


def lower(
    graph: Graph, bounds: Mapping[str, Interval], states: Mapping[str, Interval], form: LibraryForm
) -> ProcessPlan:
    """The plan of `graph`, whose values lie within `bounds` and states within `states`.

    Raises `QuantizeError` for what library processes do not compute.
    """
    return _Lowering(graph, bounds, states, form).plan()


class _Lowering:
    def __init__(
        self, graph: Graph, bounds: Mapping[str, Interval], states: Mapping[str, Interval], form: LibraryForm
    ) -> None:
        self.graph, self.bounds, self.state_bounds, self.form = graph, bounds, states, form
        self.nodes: dict[str, Node] = {}
        self.values: dict[str, Affine] = {}
        self.states: dict[str, str] = {}
        self.now: dict[str, Affine] = {s.name: message(Tap(s.name, before=True), s.size) for s in graph.states}

    def plan(self) -> ProcessPlan:
        """Lower every block in turn."""
        loop = loop_of(self.graph)
        output: Output | None = None
        for block in self.graph.blocks:
            written: dict[str, str] = {}
            for op in block.ops:
                if isinstance(op, StateWrite):
                    written[op.state] = op.x
                elif isinstance(op, Output):
                    output = op
                else:
                    self.values[op.result or ""] = self._op(op).without_zeros()
            for state, x in written.items():
                self.now[state] = self.value(x)
        assert output is not None  # every graph has one
        for state in self.graph.states:
            self._write(state.name, self.now[state.name])
        answer = self.value(output.x)
        period = max((self.nodes[n].level for n in self.states.values()), default=1)
        deepest = max((n.level for n in self.nodes.values()), default=0)
        if deepest > DEEPEST:
            raise QuantizeError(
                "an iteration takes more ticks than a message can be delayed",
                numbers=f"{deepest} ticks, most {DEEPEST}",
                advice="Compile it with microcode=True.",
            )
        return ProcessPlan(
            {n: self.nodes[n] for n in sorted(self.nodes, key=lambda n: self.nodes[n].level)},
            self.states,
            {s.name: self._held_within(s.name, s.size) for s in self.graph.states},
            answer,
            self._magnitude(output.x),
            period,
            1 if loop is None else loop.repeat,
        )

    # --- what is known -------------------------------------------------------------------------------------

    def value(self, name: str) -> Affine:
        """A value or constant."""
        if name in self.graph.constants:
            return constant(self.graph.constants[name].astype(np.float64))
        return self.values[name]

    def _sized(self, name: str, size: int) -> Affine:
        """A value or constant, a single number spread over `size` elements."""
        value = self.value(name)
        return value.rows(np.zeros(size, np.int64)) if value.size == 1 < size else value

    def _interval(self, name: str) -> tuple[Floats, Floats]:
        bound, size = self.bounds[name], self.graph.size(name)
        return _full(bound.low, size), _full(bound.high, size)

    def _magnitude(self, name: str) -> Floats:
        low, high = self._interval(name)
        return np.maximum(np.abs(low), np.abs(high))

    def _level(self, *inputs: Affine) -> int:
        """One tick after the last of the messages that it reads; what the iteration before sent is there at once."""
        levels = [0 if tap.before else self.nodes[tap.node].level for x in inputs for tap in x.parts]
        return 1 + max(levels, default=0)

    def _fresh(self, name: str) -> str:
        return fresh(primed(name), self.nodes, self.now)

    # --- ops -----------------------------------------------------------------------------------------------

    def _op(self, op: Op) -> Affine:
        size = self.graph.size(op.result or "")
        self._refuse_large(op, size)
        if isinstance(op, Input):
            self.nodes[SOURCE] = HostSource(SOURCE, size, self._magnitude(op.out))
            return message(Tap(SOURCE), size)
        if isinstance(op, StateRead):
            return self.now[op.state]
        if isinstance(op, Gather):
            return joined([self.value(s) for s in op.sources]).rows(self._index(op.index))
        if isinstance(op, MatVec):
            return joined([self.value(s) for s in op.sources]).through(self.graph.constants[op.matrix])
        if isinstance(op, SegmentSum):
            return self._sized(op.x, self._index(op.segment).size).added_up(self._index(op.segment), size)
        if isinstance(op, Apply):
            return self._function(op.out, op.x, FUNCTIONS[op.function].real, self.form.hinges)
        if not isinstance(op, (Add, Sub, Mul, Div, Max, Min)):
            raise QuantizeError(
                f"library processes have no {type(op).__name__}",
                where="; ".join((op.result or "", *self.graph.values[op.result or ""].lines)),
                advice="Compile it with microcode=True.",
            )
        a, b = self._sized(op.a, size), self._sized(op.b, size)
        if isinstance(op, Add):
            return a.sum(b)
        if isinstance(op, Sub):
            return a.sum(b.scaled(-np.ones(size)))
        if isinstance(op, Max):
            return b.sum(self._above(op.out, a.sum(b.scaled(-np.ones(size))), op.a, op.b))
        if isinstance(op, Min):  # min(a, b) = a - max(a - b, 0)
            above = self._above(op.out, a.sum(b.scaled(-np.ones(size))), op.a, op.b)
            return a.sum(above.scaled(-np.ones(size)))
        if isinstance(op, Div):
            return self._quotient(op, a, b)
        for one, other in ((a, b), (b, a)):
            if other.is_constant:
                return one.scaled(other.offset)
        return self._product(op.out, a, b, self._magnitude(op.a), self._magnitude(op.b))

    def _refuse_large(self, op: Op, size: int) -> None:
        taps = {t: m.shape[1] for n in op.operands if n in self.values for t, m in self.values[n].parts.items()}
        if size * sum(taps.values()) > LARGEST:
            raise QuantizeError(
                "the network is too large for library processes: their connections are dense",
                where=op.result or "",
                numbers=f"{size} sums of {sum(taps.values())} messages, at most {LARGEST} together",
                advice="Compile it with microcode=True.",
            )

    def _index(self, name: str) -> Integers:
        return self.graph.constants[name].astype(np.int64)

    def _function(self, out: str, x: str, real: Callable[[Floats], Floats], count: int) -> Affine:
        low, high = self._interval(x)
        return self._bank(out, self.value(x), low, high, lambda a, b: fit(real, a, b, count, relative=False))

    def _above(self, out: str, difference: Affine, a: str, b: str) -> Affine:
        """max(difference, 0), the difference of values a and b."""
        (a_low, a_high), (b_low, b_high) = self._interval(a), self._interval(b)
        high = np.maximum(a_high - b_low, NARROW)
        ramp = lambda low, high: (np.array([0.0, high]), np.array([0.0, high]))  # noqa: E731
        return self._bank(out, difference, a_low - b_high, high, ramp)

    def _bank(
        self, name: str, x: Affine, low: Floats, high: Floats, fitted: Callable[[float, float], tuple[Floats, Floats]]
    ) -> Affine:
        """A piecewise linear function of each element of `x`, over its own interval."""
        name, size = self._fresh(name), x.size
        room = NARROW + NARROW * np.maximum(np.abs(low), np.abs(high))
        low, high = np.broadcast_arrays(low, high)
        low, high = np.where(high - low < room, low - room, low), np.where(high - low < room, high + room, high)
        found: dict[tuple[float, float], tuple[Floats, Floats]] = {}
        ends = list(zip(low.tolist(), high.tolist(), strict=True))
        for pair in ends:
            if pair not in found:
                found[pair] = fitted(*pair)
        knots = np.stack([found[pair][0] for pair in ends])
        values = np.stack([found[pair][1] for pair in ends])
        reach = np.maximum(high, knots[:, -1]) - np.minimum(low, knots[:, 0])
        x = self._narrow(name, x, knots.shape[1], low, high)
        self.nodes[name] = Bank(name, size, self._level(x), x, knots, values, reach)
        return message(Tap(name), size)

    def _narrow(self, name: str, x: Affine, count: int, low: Floats, high: Floats) -> Affine:
        """`x`, from a neuron of its own where `count` hinges would each need too many synapses to receive it."""
        synapses = sum(np.count_nonzero(m) * self._hinges_of(t) for t, m in x.parts.items())
        if synapses * count <= self.form.growth * (synapses + x.size * count):
            return x
        relay = self._fresh(f"{name}.argument")
        middle = (low + high) / 2
        centred = Affine(x.offset - middle, x.parts)
        self.nodes[relay] = Relay(relay, x.size, self._level(x), centred, (high - low) / 2)
        return Affine(middle, message(Tap(relay), x.size).parts)

    def _hinges_of(self, tap: Tap) -> int:
        node = self.nodes.get(tap.node)
        return node.knots.shape[1] if isinstance(node, Bank) else 1

    def _product(self, name: str, a: Affine, b: Affine, a_magnitude: Floats, b_magnitude: Floats) -> Affine:
        name = self._fresh(name)
        a, b = self._held(a), self._held(b)
        self.nodes[name] = Product(name, a.size, self._level(a, b), a, b, a_magnitude, b_magnitude)
        return message(Tap(name), a.size)

    def _quotient(self, op: Div, a: Affine, b: Affine) -> Affine:
        """a / b: a times the reciprocal of b, or times the reciprocal of its root twice."""
        low, high = self._interval(op.b)
        if bool(np.any(low <= 0)):
            worst = int(np.argmin(low))
            raise QuantizeError(
                "library processes divide only by what is proven to be positive",
                where="; ".join((f"{op.out}, element {worst}", *self.graph.values[op.out].lines)),
                numbers=f"the denominator's lower bound is {low[worst]:.6g}",
                advice="Keep the denominator positive, or compile it with microcode=True.",
            )
        if self.form.reciprocal is Reciprocal.HINGES or a.is_constant:
            count = self.form.reciprocal_hinges

            def fitted(least: float, most: float) -> tuple[Floats, Floats]:
                return fit(lambda x: 1.0 / x, least, most, count, relative=True)

            factor = self._bank(f"{op.out}.reciprocal", self._held(b), low, high, fitted)
        else:
            held, root = self._held(b), self._fresh(f"{op.out}.root")
            self.nodes[root] = Root(root, b.size, self._level(held), held, low, high)
            q = message(Tap(root), b.size)
            most = 1.0 / np.sqrt(low)
            factor = self._product(f"{op.out}.reciprocal", q, q, most, most)
        if a.is_constant:
            return factor.scaled(a.offset)
        return self._product(op.out, a, factor, self._magnitude(op.a), 1.0 / low)

    # --- states --------------------------------------------------------------------------------------------

    def _held(self, x: Affine) -> Affine:
        """`x` with each state of the iteration before read through hinges that hold it within its bounds."""
        for tap in [t for t in x.parts if t.before]:
            name = f"{tap.node}.held"
            size = x.parts[tap].shape[1]
            if name not in self.nodes:
                low, high = self._held_within(tap.node, size)
                ends = lambda a, b: (np.array([a, b]), np.array([a, b]))  # noqa: E731
                self._bank(name, message(tap, size), low, high, ends)
            matrix = x.parts[tap]
            rest = {t: m for t, m in x.parts.items() if t != tap}
            x = Affine(x.offset, rest).sum(message(Tap(name), size).through(matrix))
        return x

    def _held_within(self, state: str, size: int) -> tuple[Floats, Floats]:
        bound = self.state_bounds[state]
        return _full(bound.low, size), _full(bound.high, size)

    def _write(self, state: str, x: Affine) -> None:
        """Make the node that sends the state's next value: a product as it is, else a relay."""
        if len(x.parts) == 1 and not x.offset.any():
            ((tap, matrix),) = x.parts.items()
            node = self.nodes.get(tap.node)
            if isinstance(node, (Product, Relay)) and not tap.before and np.array_equal(matrix, np.eye(node.size)):
                self.states[state] = tap.node
                return
        x = self._held(x)
        name = self._fresh(f"{state}.next")
        magnitude = np.maximum(*map(np.abs, self._held_within(state, x.size)))
        self.nodes[name] = Relay(name, x.size, self._level(x), x, np.maximum(magnitude, NARROW))
        self.states[state] = name


def _full(values: Floats, size: int) -> Floats:
    return np.broadcast_to(np.asarray(values, np.float64), (size,))
