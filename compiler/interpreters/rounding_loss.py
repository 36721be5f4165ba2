"""What rounding makes of a float graph: how far its values move when each op's result is off by one LSB.

A model that subtracts a large offset, or that is chaotic, loses precision: two right programs differ there. How much is
not assumed but found, by running the graph again with every constant and result changed by up to one unit of rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from compiler.functions import FUNCTIONS
from compiler.functions.sawtooth import SAWTOOTH
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Add, Apply, Compare, Div, Input, MatVec, Mul, Op, SegmentSum, Sub
from compiler.interpreters.execution import Execution, Frame, OpKernel, OpKernels, PreparedGraph, join_runs, prepare
from compiler.interpreters.float64 import KERNELS
from hw_models.arrays import Array, Floats, Integers

SEEDS = (0, 1, 2)
"""Each gives every op and constant other errors; the largest effect counts."""
ROOM = 32
"""How much more than that two right programs may differ: they round in another order, and functions less exactly"""
LOST = 0.01
"""The part of a state or output that rounding must have changed for it to be lost"""
_ROUNDED = (Input, MatVec, SegmentSum, Add, Sub, Mul, Div, Apply)
"""Ops whose results are rounded; the others hand on one of their operands, or 0 and 1"""


@dataclass(frozen=True)
class Loss:
    """How far rounding moves outputs, states and recorded values up to each step: (batch, time, size)."""

    outputs: Floats
    states: Mapping[str, Floats]
    record: Mapping[str, Floats]

    def of_answers(self, other: Loss, sizes: Floats) -> Loss:
        """This, with outputs that lose what those of another graph of this function do, where that is more.

        Where all of an output, whose `sizes` are (batch, 1, size), is lost in the other, that says nothing.
        """
        kept = other.outputs <= LOST / ROOM * sizes
        return replace(self, outputs=np.maximum(self.outputs, np.where(kept, other.outputs, 0.0)))


def rounding_loss(graph: Graph, x: Floats, unit: float, record: Sequence[str] = ()) -> tuple[Execution, Loss]:
    """A float graph's run over `x`, and what a relative error of up to `unit` in each op and constant makes of it.

    A comparison whose sides are so close that rounding may decide it is also decided the other way, and so is on which
    side of a jump a sawtooth is; what that changes is lost, too. Sides that are equal whatever the errors are, as the
    largest of some values and that value, are not.
    """
    jumps = [op for _, op in graph.ops() if isinstance(op, Compare) or _is_sawtooth(op)]
    sides = [n for n in dict.fromkeys(n for op in jumps for n in op.operands) if n in graph.values]
    names = list(dict.fromkeys([*record, *sides]))
    base = prepare(graph, KERNELS).run(x, record=names)
    runs = [_noisy(graph, unit, seed).run(x, record=names) for seed in SEEDS]
    near = {op.result or "": _near(graph, op, base, runs) for op in jumps}
    runs += [_flipped(graph, x, near, seed, names) for seed in SEEDS if any(mask.any() for mask in near.values())]
    return base, Loss(
        _lost(base.outputs, [r.outputs for r in runs]) * np.abs(graph.output_map.scale),
        {n: _lost(a, [r.states[n] for r in runs]) for n, a in base.states.items()},
        {n: _lost(base.record[n], [r.record[n] for r in runs]) for n in record},
    )


def _is_sawtooth(op: Op) -> bool:
    return isinstance(op, Apply) and op.function == SAWTOOTH.name


def _near(graph: Graph, op: Op, base: Execution, runs: Sequence[Execution]) -> npt.NDArray[np.bool_]:
    """Where rounding may decide a comparison, or on which side of a jump a value is: (batch, time, size)."""

    def apart(run: Execution) -> Array:
        a, *b = (run.record[n] if n in graph.values else graph.constants[n] for n in op.operands)
        return a - b[0] if b else a

    with np.errstate(invalid="ignore"):
        difference = apart(base)
        moved = np.max([np.abs(apart(run) - difference) for run in runs], axis=0)
        if isinstance(op, Apply):
            difference = difference - np.round(difference)
        return (moved > 0) & (np.abs(difference) <= ROOM * moved)


def _flipped(
    graph: Graph, x: Floats, near: Mapping[str, npt.NDArray[np.bool_]], seed: int, names: Sequence[str]
) -> Execution:
    """A run in which comparisons that rounding may decide are decided the other way: all, or half of them."""
    rng = np.random.default_rng(seed)
    repeats = {op.result: block.repeat for block, op in graph.ops()}

    def flipping(rows: slice) -> OpKernels[Graph]:
        kernels: OpTable[[Graph], OpKernel] = OpTable("flipped", KERNELS)

        @kernels.on(Compare, Apply)
        def flipped(op: Compare | Apply, graph: Graph) -> OpKernel:
            kernel, jumps = KERNELS(op, graph), near.get(op.out)
            if jumps is None:
                return kernel
            mask, calls = jumps[rows], iter(range(2**62))
            if seed:
                mask = mask & (rng.random(mask.shape) < 0.5)

            def flip(frame: Frame) -> Array:
                result, step = kernel(frame), next(calls) // repeats[op.out]
                other = 1 - result if isinstance(op, Compare) else np.where(result < 0.5, result + 1, result - 1)
                return np.where(mask[:, step].T, other, result)

            return flip

        return kernels

    lanes = prepare(graph, KERNELS).lanes
    parts = [slice(i, i + lanes) for i in range(0, len(x), lanes)]
    return join_runs([prepare(graph, flipping(p)).run(x[p], record=names) for p in parts])


def first_lost(base: Execution, loss: Loss) -> Integers:
    """For each sequence the first step at which a state or the output is lost to rounding; the number of steps if none.

    A chaotic network amplifies the LSB until two right programs have nothing in common.
    """
    steps = base.outputs.shape[1]
    lost = np.zeros((len(base.outputs), steps), bool)
    for values, losses in [(base.outputs, loss.outputs), *((base.states[n], loss.states[n]) for n in base.states)]:
        size = np.maximum.accumulate(np.linalg.norm(np.nan_to_num(values), axis=2), axis=1)
        lost |= np.linalg.norm(losses, axis=2) > LOST * size
    return np.where(lost.any(axis=1), lost.argmax(axis=1), steps)


def _lost(base: Array, others: Sequence[Array]) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        moved = np.max([np.abs(other - base) for other in others], axis=0)
    return np.maximum.accumulate(np.nan_to_num(moved, nan=0.0, posinf=0.0), axis=1)


def _noisy(graph: Graph, unit: float, seed: int) -> PreparedGraph:
    rng = np.random.default_rng(seed)

    def errors(shape: tuple[int, ...]) -> Array:
        """Half a unit to a unit, up or down: less would be rounded away in float64 itself."""
        return unit * rng.uniform(0.5, 1, shape) * rng.choice((-1.0, 1.0), shape)

    def near(array: Array) -> Array:
        return array * (1 + errors(array.shape)) if array.dtype.kind == "f" else array

    def noisy(op: Op, graph: Graph) -> OpKernel:
        kernel = KERNELS(op, graph)
        if not isinstance(op, _ROUNDED):
            return kernel
        error = errors((graph.size(op.result), 1)) if op.result else np.zeros((1, 1))

        def noisily(frame: Frame) -> Array:
            result = kernel(frame)
            if isinstance(op, Apply):  # sigmoid(-40) is 1 / (1 + exp(40)) here, and 1 less almost 1 elsewhere
                x, off = frame.values[op.x], FUNCTIONS[op.function].torch_off
                by_design = 0.0 if off is None else off(x)
                return result * (1 + error) + error * np.minimum(np.abs(x), 1.0) + by_design
            return result * (1 + error)

        return noisily

    return prepare(replace(graph, constants={n: near(c) for n, c in graph.constants.items()}), noisy)
