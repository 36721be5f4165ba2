"""A plan in the making: the nodes that compute so far, and what each value of the graph is of their messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.names import fresh, primed
from compiler.graph.ops import Add, Div, Max, Min, Mul, Sub
from compiler.library_processes.affine import Affine, Tap, constant, message
from compiler.library_processes.options import LibraryForm
from compiler.library_processes.process_plan import Bank, Node, Product, Relay
from compiler.ranges.observed import Interval
from hw_models.arrays import Floats, Integers

NARROW = 1e-9
"""An interval is at least so wide, or a share of its ends so great: knots need room."""


class PlanBuilder:
    """Makes nodes. Values lie within `bounds`, states within `states`."""

    def __init__(
        self, graph: Graph, bounds: Mapping[str, Interval], states: Mapping[str, Interval], form: LibraryForm
    ) -> None:
        self.graph, self.bounds, self.state_bounds, self.form = graph, bounds, states, form
        self.nodes: dict[str, Node] = {}
        self.values: dict[str, Affine] = {}
        self.now: dict[str, Affine] = {s.name: message(Tap(s.name, before=True), s.size) for s in graph.states}
        """what each state is"""

    # --- what is known -------------------------------------------------------------------------------------

    def value(self, name: str) -> Affine:
        """A value or constant."""
        if name in self.graph.constants:
            return constant(self.graph.constants[name].astype(np.float64))
        return self.values[name]

    def both(self, op: Add | Sub | Mul | Div | Min | Max) -> tuple[Affine, Affine]:
        """The operands, in the size of the result."""
        size = self.graph.size(op.out)
        return self.sized(op.a, size), self.sized(op.b, size)

    def sized(self, name: str, size: int) -> Affine:
        """A value or constant, a single number spread over `size` elements."""
        value = self.value(name)
        return value.rows(np.zeros(size, np.int64)) if value.size == 1 < size else value

    def interval(self, name: str) -> tuple[Floats, Floats]:
        """Where each element of a value or constant lies."""
        bound, size = self.bounds[name], self.graph.size(name)
        return _full(bound.low, size), _full(bound.high, size)

    def magnitude(self, name: str) -> Floats:
        """The largest absolute value of each element."""
        low, high = self.interval(name)
        return np.maximum(np.abs(low), np.abs(high))

    def level(self, *inputs: Affine) -> int:
        """One tick after the last of the messages that it reads; what the iteration before sent is there at once."""
        levels = [0 if tap.before else self.nodes[tap.node].level for x in inputs for tap in x.parts]
        return 1 + max(levels, default=0)

    def fresh(self, name: str) -> str:
        """A name for a new node."""
        return fresh(primed(name), self.nodes, self.now)

    def index(self, name: str) -> Integers:
        """The constant that holds an index or segment array."""
        return self.graph.constants[name].astype(np.int64)

    # --- nodes ---------------------------------------------------------------------------------------------

    def above(self, out: str, difference: Affine, a: str, b: str) -> Affine:
        """max(difference, 0), the difference of values a and b."""
        (a_low, a_high), (b_low, b_high) = self.interval(a), self.interval(b)
        high = np.maximum(a_high - b_low, NARROW)
        ramp = lambda low, high: (np.array([0.0, high]), np.array([0.0, high]))  # noqa: E731
        return self.bank(out, difference, a_low - b_high, high, ramp)

    def bank(
        self, name: str, x: Affine, low: Floats, high: Floats, fitted: Callable[[float, float], tuple[Floats, Floats]]
    ) -> Affine:
        """A piecewise linear function of each element of `x`, over its own interval."""
        name, size = self.fresh(name), x.size
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
        self.nodes[name] = Bank(name, size, self.level(x), x, knots, values, reach)
        return message(Tap(name), size)

    def _narrow(self, name: str, x: Affine, count: int, low: Floats, high: Floats) -> Affine:
        """`x`, from a neuron of its own where `count` hinges would each need too many synapses to receive it."""
        synapses = sum(np.count_nonzero(m) * self._hinges_of(t) for t, m in x.parts.items())
        if synapses * count <= self.form.growth * (synapses + x.size * count):
            return x
        relay = self.fresh(f"{name}.argument")
        middle = (low + high) / 2
        centred = Affine(x.offset - middle, x.parts)
        self.nodes[relay] = Relay(relay, x.size, self.level(x), centred, (high - low) / 2)
        return Affine(middle, message(Tap(relay), x.size).parts)

    def _hinges_of(self, tap: Tap) -> int:
        node = self.nodes.get(tap.node)
        return node.knots.shape[1] if isinstance(node, Bank) else 1

    def product(self, name: str, a: Affine, b: Affine, a_magnitude: Floats, b_magnitude: Floats) -> Affine:
        """The node of a product of two values."""
        name = self.fresh(name)
        a, b = self.held(a), self.held(b)
        self.nodes[name] = Product(name, a.size, self.level(a, b), a, b, a_magnitude, b_magnitude)
        return message(Tap(name), a.size)

    def held(self, x: Affine) -> Affine:
        """`x` with each state of the iteration before read through hinges that hold it within its bounds."""
        for tap in [t for t in x.parts if t.before]:
            name = f"{tap.node}.held"
            size = x.parts[tap].shape[1]
            if name not in self.nodes:
                low, high = self.held_within(tap.node, size)
                ends = lambda a, b: (np.array([a, b]), np.array([a, b]))  # noqa: E731
                self.bank(name, message(tap, size), low, high, ends)
            matrix = x.parts[tap]
            rest = {t: m for t, m in x.parts.items() if t != tap}
            x = Affine(x.offset, rest).sum(message(Tap(name), size).through(matrix))
        return x

    def held_within(self, state: str, size: int) -> tuple[Floats, Floats]:
        """Where each element of a state lies."""
        bound = self.state_bounds[state]
        return _full(bound.low, size), _full(bound.high, size)


def _full(values: Floats, size: int) -> Floats:
    return np.broadcast_to(np.asarray(values, np.float64), (size,))
