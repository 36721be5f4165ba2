"""A recurrent layer: one step is traced, its states live in the graph."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.utils import parametrize

from compiler.steps.variables import StateBound, bound_between
from hw_models.errors import TraceError
from ltc2neuro.nn import states as offers
from ltc2neuro.nn.recurrence import Recurrent, output_and_state, state_shapes, takes_time, written
from ltc2neuro.nn.states import Bounded, Growing, NamedStates
from ltc2neuro.tracing.layers.scan import CellStates, CellStep, Elapsed, Scan, StateVariable, repeats_to
from ltc2neuro.tracing.recording.recorder import Recorder, Times

StepOf = Callable[[Recorder, torch.nn.Module, Times], CellStep]

CELLS: dict[type[torch.nn.Module], StepOf] = {}
"""Cells with a handler of their own: a solver loop as a repeated block, proven bounds. Others are traced plainly."""


def plain_type(module: torch.nn.Module) -> type[torch.nn.Module]:
    """The type of a module, or the one that it had before torch.nn.utils.parametrize."""
    return parametrize.type_before_parametrizations(module)


def recurrent(
    recorder: Recorder,
    layer: Recurrent,
    x: torch.Tensor,
    hx: object = None,
    timespans: object = None,
) -> tuple[torch.Tensor, object]:
    """The handler of `ltc2neuro.nn.Recurrent`."""
    step = CELLS.get(plain_type(layer.cell), own_step)(recorder, layer.cell, recorder.times(timespans))
    y, states = Scan(recorder, layer.batch_first, layer.return_sequences).over(step, x, hx, timespans)
    return y, states[0] if len(states) == 1 else states


def own_step(recorder: Recorder, cell: torch.nn.Module, times: Times) -> CellStep:
    """One step of a cell of the user's: its forward runs on symbolic states."""
    shapes = state_shapes(cell)
    numbered = ["h"] if len(shapes) == 1 else [f"h{number}" for number in range(len(shapes))]
    names = list(cell.state_names) if isinstance(cell, NamedStates) else numbered
    stated = cell.state_bounds(times.longest) if isinstance(cell, Bounded) else None
    ends = [None] * len(shapes) if stated is None else list(stated)
    for what, count in (("state_names", len(names)), ("state_bounds", len(ends))):
        if count != len(shapes):
            raise TraceError(
                f"{what} of the cell {type(cell).__name__} does not fit its states",
                where=written(cell),
                numbers=f"{count} for {len(shapes)} states",
                advice=f"Let {what} have one for each of state_size.",
            )
    growing = cell.unbounded if isinstance(cell, Growing) else ()
    grows = list((names if growing else ()) if isinstance(growing, bool) else growing)
    if isinstance(cell, Bounded) and math.isfinite(times.longest):
        lost = _lost_by_time(cell, times.longest, len(names))
        grows += [name for name, gone in zip(names, lost, strict=True) if gone]

    def function(x: torch.Tensor, states: CellStates, elapsed: Elapsed) -> tuple[torch.Tensor, CellStates]:
        state = states[0] if len(states) == 1 else states
        if isinstance(elapsed, torch.Tensor) and not takes_time(cell):
            raise recorder.refusal(
                f"the cell {type(cell).__name__} takes no elapsed time, but is given time spans",
                "Leave out timespans, or give its forward a third argument named elapsed.",
            )
        y, new = output_and_state(cell(x, state, elapsed) if takes_time(cell) else cell(x, state), cell)
        return y, new if isinstance(new, tuple) else (new,)

    variables = (
        StateVariable(
            name,
            shape,
            None if end is None else bound_by_ends(cell, end, shape),
            cell,
            number,
            name in grows and end is None,
        )
        for number, (name, shape, end) in enumerate(zip(names, shapes, ends, strict=True))
    )
    return CellStep(tuple(variables), function)


SHORT, LOST = 1e-6, 0.5
"""Parts of the longest time. A step of Euler keeps a leaky state's hull up to its time constant, and can grow beyond
twice that."""


def _lost_by_time(cell: Bounded, longest: float, count: int) -> list[bool]:
    """Which states are bounded for short times, and no longer for half of the longest."""
    short, half = (cell.state_bounds(time) or [None] * count for time in (SHORT * longest, LOST * longest))
    return [known is not None and found is None for known, found in zip(short, half, strict=True)]


def bound_by_ends(cell: torch.nn.Module, ends: offers.Bound, shape: tuple[int, ...]) -> StateBound:
    """The bound of a state that is a mean of itself and of values between `ends`: these and its start."""
    tensors = [torch.as_tensor(end, dtype=torch.float64).detach() for end in ends]
    fit = len(tensors) == 2 and all(repeats_to(end.shape, shape) and bool(end.isfinite().all()) for end in tensors)
    if not fit or bool((tensors[0] > tensors[1]).any()):
        raise TraceError(
            f"a bound of the cell {type(cell).__name__} is not an interval for its state",
            where=written(cell),
            numbers=f"{ends} for a state of {shape}",
            advice="Let state_bounds return (low, high) for each state, finite numbers or one per element, or None.",
        )
    low, high = (np.broadcast_to(end.numpy(), shape).reshape(-1) for end in tensors)
    return bound_between(low, high)
