"""How much of itself a state keeps: the derivative of what it becomes by what it was, neuron by neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.executors.execution import Array, prepare
from compiler.executors.float64 import KERNELS
from compiler.functions import FUNCTIONS
from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Apply, Div, Max, Min, Mul, Op, Select, StateRead, StateWrite, Sub
from hw_models.arrays import Floats

SEQUENCES, STEPS = 4, 64
"""Of the calibration, what is looked at."""
NUDGE = 2.0**-16
"""How far apart a function's argument is taken for its slope."""


@dataclass(frozen=True, eq=False)
class Kept:
    """Of one state, element by element and iteration by iteration on average: what share of it leaks away, the root
    mean square of its step, and the largest magnitude that it had or was on its way to."""

    leak: Floats
    step: Floats
    largest: Floats


def retention(graph: Graph, sequences: Sequence[Floats]) -> dict[str, Kept]:
    """What is `Kept` of each state of a float graph. Paths through matrices and gathers are left out: they are what a
    neuron receives from others."""
    steps = min(STEPS, min((len(s) for s in sequences), default=0))
    if not steps or not graph.states:
        return {}
    # the last samples: states that start at rest have moved by then
    x = np.stack([s[-steps:] for s in sequences[:SEQUENCES]])
    watch = _Watch(graph)
    prepare(graph, KERNELS).run(x, observe=watch.see)
    return {name: watch.kept(name) for name in watch.leaks}


class _Watch:
    """Follows the derivative by each state through the elementwise ops of a run."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ops = {op.result: op for _, op in graph.ops() if op.result is not None}
        self.written: dict[str, list[str]] = {}
        for _, op in graph.ops():
            if isinstance(op, StateWrite):
                self.written.setdefault(op.x, []).append(op.state)
        self.values: dict[str, Array] = {n: c.reshape(-1, 1) for n, c in graph.constants.items() if c.ndim == 1}
        self.slopes: dict[str, dict[str, Array]] = {}
        self.before: dict[str, Array] = {}
        self.leaks: dict[str, list[Floats]] = {}
        self.steps: dict[str, list[Floats]] = {}
        self.reach: dict[str, Floats] = {}

    def see(self, name: str, value: Array) -> None:
        op = self.ops[name]
        self.values[name] = value
        if isinstance(op, StateRead):
            self.before[op.state] = value
            self.slopes[name] = {op.state: np.ones(())}
        else:
            states = {s for n in op.operands for s in self.slopes.get(n, ())}
            self.slopes[name] = {s: slope for s in states if (slope := self._slope(op, s, value)) is not None}
        for state in self.written.get(name, ()):
            self._note(state, value, self.slopes[name].get(state, np.zeros(())))

    def _slope(self, op: Op, state: str, value: Array) -> Array | None:
        def at(name: str) -> Array:
            return self.slopes.get(name, {}).get(state, np.zeros(()))

        values = self.values
        if isinstance(op, Add):
            return at(op.a) + at(op.b)
        if isinstance(op, Sub):
            return at(op.a) - at(op.b)
        if isinstance(op, Mul):
            return at(op.a) * values[op.b] + values[op.a] * at(op.b)
        if isinstance(op, Div):
            return (at(op.a) - value * at(op.b)) / values[op.b]
        if isinstance(op, Select):
            return np.where(values[op.condition] != 0, at(op.a), at(op.b))
        if isinstance(op, (Min, Max)):
            return np.where(value == values[op.a], at(op.a), at(op.b))
        if isinstance(op, Apply):
            real = FUNCTIONS[op.function].real
            return (real(values[op.x] + NUDGE) - real(values[op.x] - NUDGE)) / (2 * NUDGE) * at(op.x)
        return None

    def _note(self, state: str, value: Array, slope: Array) -> None:
        if state not in self.before:
            return
        before, after = np.broadcast_arrays(self.before[state], value)
        leak = np.broadcast_to(1.0 - slope, after.shape).astype(np.float64)
        step = (after - before).astype(np.float64)
        self.leaks.setdefault(state, []).append(leak.mean(axis=1))
        self.steps.setdefault(state, []).append(np.mean(step**2, axis=1))
        with np.errstate(divide="ignore", invalid="ignore"):
            goal = np.abs(before + np.where(leak > 0, step / leak, 0.0))  # where it would come to rest
        reach = np.maximum(np.abs(after), np.where(np.isfinite(goal), goal, 0.0)).max(axis=1)
        known = self.reach.get(state)
        self.reach[state] = reach if known is None else np.maximum(known, reach)

    def kept(self, state: str) -> Kept:
        leak, step = np.mean(self.leaks[state], axis=0), np.sqrt(np.mean(self.steps[state], axis=0))
        return Kept(leak, step, self.reach[state])
