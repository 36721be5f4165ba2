"""How much of itself a state keeps: the derivative of what it becomes by what it was, neuron by neuron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.functions import FUNCTIONS
from compiler.graph import ops
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import StateRead, StateWrite
from compiler.interpreters.execution import Frame, prepare
from compiler.interpreters.float64 import KERNELS
from hw_models.arrays import Array, Floats

SEQUENCES, STEPS = 16, 64
"""How much of the calibration is looked at."""
NUDGE = 2.0**-16
"""How far apart a function's argument is taken for its slope."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What one state does in an iteration, element by element, on average: the share of it that leaks away, in all
    sequences and in the one where least does, the root mean square of its step, and the largest magnitude that it had
    or was on its way to."""

    leak: Floats
    least: Floats
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
    program, watches = prepare(graph, KERNELS), list[_Watch]()
    for i in range(0, len(x), program.lanes):  # more at once would be run, and seen, part by part
        watches.append(_Watch(graph))
        program.run(x[i : i + program.lanes], observe=watches[-1].see)
    return {name: _kept(watches, name) for name in watches[0].seen}


_NONE, _ONE = np.zeros(()), np.ones(())


@dataclass(eq=False)
class SlopePoint:
    """Where an op is differentiated: all values, their derivatives by one state, and the op's result."""

    graph: Graph
    values: Mapping[str, Array]
    slopes: Mapping[str, Array]
    result: Array

    def slope(self, name: str) -> Array:
        """Of an operand."""
        return self.slopes.get(name, _NONE)


SLOPES: OpTable[[SlopePoint], Array | None] = OpTable("slopes")
"""The derivative of each op's result by one state; None where it is left out."""


@SLOPES.on(ops.Elementwise)
def _nudged(op: ops.Elementwise, at: SlopePoint) -> Array:
    """How far the result moves where all operands move along with the state."""
    kernel = KERNELS(op, at.graph)
    moved = (
        kernel(Frame({n: at.values[n] + step * at.slope(n) for n in op.operands}, _NONE)) for step in (NUDGE, -NUDGE)
    )
    ahead, behind = ((result - at.result) / step for result, step in zip(moved, (NUDGE, -NUDGE), strict=True))
    return np.where(np.abs(ahead) < np.abs(behind), ahead, behind)  # a jump is on one side


SLOPES.always(None, ops.Input, ops.StateRead, ops.Gather, ops.SegmentSum, ops.MatVec, ops.Compare)
SLOPES.on(ops.Add)(lambda op, at: at.slope(op.a) + at.slope(op.b))
SLOPES.on(ops.Sub)(lambda op, at: at.slope(op.a) - at.slope(op.b))
SLOPES.on(ops.Mul)(lambda op, at: at.slope(op.a) * at.values[op.b] + at.values[op.a] * at.slope(op.b))
SLOPES.on(ops.Div)(lambda op, at: (at.slope(op.a) - at.result * at.slope(op.b)) / at.values[op.b])
SLOPES.on(ops.Select)(lambda op, at: np.where(at.values[op.condition] != 0, at.slope(op.a), at.slope(op.b)))
SLOPES.on(ops.Min, ops.Max)(lambda op, at: np.where(at.result == at.values[op.a], at.slope(op.a), at.slope(op.b)))


@SLOPES.on(ops.Apply)
def _function(op: ops.Apply, at: SlopePoint) -> Array:
    function, x = FUNCTIONS[op.function], at.values[op.x]
    real = function.real
    if function.least is not None:  # where it begins a slope may be infinite: that just within is finite
        x = np.where(x - NUDGE > function.least, x, function.least + 2 * NUDGE)
    return (real(x + NUDGE) - real(x - NUDGE)) / (2 * NUDGE) * at.slope(op.x)


class _Watch:
    """Follows the derivative by each state through the elementwise ops of a run."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.written: dict[str, list[str]] = {}
        for _, op in graph.ops():
            if isinstance(op, StateWrite):
                self.written.setdefault(op.x, []).append(op.state)
        self.values: dict[str, Array] = {n: c.reshape(-1, 1) for n, c in graph.constants.items() if c.ndim == 1}
        self.slopes: dict[str, dict[str, Array]] = {state.name: {} for state in graph.states}
        """by state and value"""
        self.before: dict[str, Array] = {}
        self.seen: dict[str, list[tuple[Array, Array, Array]]] = {}
        """of each state in each iteration: what it was, what it becomes, and the slope of that"""

    def see(self, name: str, value: Array) -> None:
        op = self.graph.makers[name]
        self.values[name] = value
        if isinstance(op, StateRead):
            self.before[op.state] = value
            self.slopes[op.state][name] = _ONE
        else:
            operands = op.operands
            for slopes in self.slopes.values():
                if not slopes.keys().isdisjoint(operands):
                    slope = SLOPES(op, SlopePoint(self.graph, self.values, slopes, value))
                    if slope is not None:
                        slopes[name] = slope
        for state in self.written.get(name, ()):
            if state in self.before:
                found = self.before[state], value, self.slopes[state].get(name, _NONE)
                self.seen.setdefault(state, []).append(found)

    def tracks(self, state: str) -> tuple[Floats, Floats, Floats]:
        """In each iteration, (iterations, size, sequences): the leak, the step, and the magnitude on its way."""
        wide = [np.broadcast_arrays(*found) for found in self.seen[state]]
        before, after, slope = (np.stack(part).astype(np.float64) for part in zip(*wide, strict=True))
        leak, step = 1.0 - slope, after - before
        with np.errstate(divide="ignore", invalid="ignore"):
            goal = np.abs(before + np.where(leak > 0, step / leak, 0.0))  # where it would come to rest
        return leak, step, np.maximum(np.abs(after), np.where(np.isfinite(goal), goal, 0.0))


def _kept(watches: Sequence[_Watch], state: str) -> Kept:
    """What all sequences together do, of which each watch has seen some."""
    parts = zip(*(w.tracks(state) for w in watches), strict=True)
    leaks, steps, reach = (np.concatenate(part, axis=2) for part in parts)
    leak, squares = np.mean(leaks, axis=0), np.mean(steps**2, axis=2)
    return Kept(leak.mean(axis=1), leak.min(axis=1), np.sqrt(np.mean(squares, axis=0)), reach.max(axis=(0, 2)))
