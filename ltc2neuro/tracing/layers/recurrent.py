"""A recurrent layer: one step is traced, its states live in the graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch.nn.utils import parametrize

from hw_models.arrays import Floats
from hw_models.errors import TraceError
from ltc2neuro.nn import states as offers
from ltc2neuro.nn.recurrence import Recurrent, split, state_shapes, takes_time, written
from ltc2neuro.nn.states import Bounded, Growing, Named
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.recorder import Recorder, Times
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbolic, symbols

States = tuple[torch.Tensor, ...]
Bound: TypeAlias = Callable[[Floats], tuple[Floats, Floats]]
"""low and high, for every step, from the initial state"""
Elapsed: TypeAlias = "torch.Tensor | float"


class SwappedAxesError(TraceError):
    """The recurrent layer at `path` is given (time, batch) where it expects (batch, time), or the reverse."""

    path: str = ""


@dataclass(frozen=True)
class StateVariable:
    """A state of a cell: its name, its shape for one row, and per element the bound that it never leaves.

    `shown_by` is the module whose forward returns it, as the `position`-th of its states, for the proof; None where
    torch shows it nowhere. `grows`: it may grow without bound, which `compile` warns of.
    """

    name: str
    shape: tuple[int, ...]
    bound: Bound | None = None
    shown_by: torch.nn.Module | None = None
    position: int = 0
    grows: bool = False


@dataclass(frozen=True)
class CellStep:
    """One step of a cell: `function(x, states, elapsed)` gives the output and the new states.

    `elapsed` is the time before the sample, a number or (rows, 1).
    """

    variables: tuple[StateVariable, ...]
    function: Callable[[torch.Tensor, States, Elapsed], tuple[torch.Tensor, States]]


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
    y, states = scan(
        recorder,
        step,
        x,
        initial_states(recorder, hx),
        timespans,
        return_sequences=layer.return_sequences,
        batch_first=layer.batch_first,
    )
    return y, states[0] if len(states) == 1 else states


def own_step(recorder: Recorder, cell: torch.nn.Module, times: Times) -> CellStep:
    """One step of a cell of the user's: its forward runs on symbolic states."""
    shapes = state_shapes(cell)
    numbered = ["h"] if len(shapes) == 1 else [f"h{number}" for number in range(len(shapes))]
    names = list(cell.state_names) if isinstance(cell, Named) else numbered
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

    def function(x: torch.Tensor, states: States, elapsed: Elapsed) -> tuple[torch.Tensor, States]:
        state = states[0] if len(states) == 1 else states
        if isinstance(elapsed, torch.Tensor) and not takes_time(cell):
            raise recorder.refusal(
                f"the cell {type(cell).__name__} takes no elapsed time, but is given time spans",
                "Leave out timespans, or give its forward a third argument named elapsed.",
            )
        y, new = split(cell(x, state, elapsed) if takes_time(cell) else cell(x, state), cell)
        return y, new if isinstance(new, tuple) else (new,)

    variables = (
        StateVariable(
            name, shape, None if end is None else hull(cell, end, shape), cell, number, name in grows and end is None
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


def hull(cell: torch.nn.Module, ends: offers.Bound, shape: tuple[int, ...]) -> Bound:
    """The bound of a state that is a mean of itself and of values between `ends`: these and its start."""
    tensors = [torch.as_tensor(end, dtype=torch.float64).detach() for end in ends]
    fit = len(tensors) == 2 and all(_fits(end.shape, shape) and bool(end.isfinite().all()) for end in tensors)
    if not fit or bool((tensors[0] > tensors[1]).any()):
        raise TraceError(
            f"a bound of the cell {type(cell).__name__} is not an interval for its state",
            where=written(cell),
            numbers=f"{ends} for a state of {shape}",
            advice="Let state_bounds return (low, high) for each state, finite numbers or one per element, or None.",
        )
    low, high = (np.broadcast_to(end.numpy(), shape).reshape(-1) for end in tensors)
    return lambda initial: (np.minimum(initial, low), np.maximum(initial, high))


def initial_states(recorder: Recorder, hx: object) -> States | None:
    """The states that the user's model hands to a layer: tensors, or None for the layer's own."""
    if hx is None:
        return None
    given = hx if isinstance(hx, (tuple, list)) else (hx,)
    tensors = tuple(t for t in given if isinstance(t, torch.Tensor))
    if len(tensors) != len(given):
        raise recorder.refusal("a recurrent layer starts from something that is not a tensor", "Give a tensor.")
    return tensors


def scan(
    recorder: Recorder,
    step: CellStep,
    x: torch.Tensor,
    hx: States | None,
    timespans: object,
    *,
    return_sequences: bool,
    batch_first: bool,
) -> tuple[torch.Tensor, States]:
    """Record one step over the sequence `x`; returns the layer's output and its last states."""
    x_t = _step_input(recorder, x, batch_first)
    elapsed = recorder.dt if timespans is None else _elapsed(recorder, timespans, batch_first)
    names = [_new_state(recorder, step, number, hx) for number in range(len(step.variables))]
    states = tuple(
        recorder.read(name, variable.shape, x_t.example) for name, variable in zip(names, step.variables, strict=True)
    )
    y, after = step.function(x_t, states, elapsed)
    if len(after) != len(names):
        raise _broken(
            step,
            "a cell returns a different number of states than it takes",
            "Return the new state, or the output and the new state: (y, state), in which several states are a tuple.",
            f"{len(names)} before, {len(after)} after",
        )
    for variable, name, new, old in zip(step.variables, names, after, states, strict=True):
        if not isinstance(new, Symbolic) or not axes.starts_with(new.codes, axes.batch_labels(axes.NOW)):
            raise _broken(
                step,
                "the new state of a cell does not depend on its input or state",
                "Return the new state of each row.",
                variable.name,
            )
        if new.shape != old.shape:
            raise _broken(
                step,
                "a cell changes the shape of its state",
                "Let state_size (or hidden_size) be the size of the state.",
                f"{variable.name}: {tuple(old.shape)} before, {tuple(new.shape)} after",
            )
        if not new.is_floating_point():
            raise _broken(
                step,
                "the new state of a cell is not a float",
                "Return it as a float: state.float().",
                f"{variable.name}: {new.dtype}",
            )
        recorder.write(name, new)
        if variable.shown_by is not None:
            recorder.checkpoints.state(name, recorder.path_of(variable.shown_by), variable.position)
    if not isinstance(y, Symbolic) or not axes.starts_with(y.codes, axes.batch_labels(axes.NOW)):
        raise _broken(step, "the output of a cell was not recorded", "Return a tensor (batch, ...).")
    last = tuple(_at_last(s) for s in after if isinstance(s, Symbolic))
    return (_at_every(y, batch_first) if return_sequences else _at_last(y)), last


def _broken(step: CellStep, what: str, advice: str, numbers: str = "") -> TraceError:
    """The error for what a cell has returned: none of its lines is being executed any more."""
    cell = step.variables[0].shown_by
    return TraceError(what, where="" if cell is None else written(cell), numbers=numbers, advice=advice)


def _elapsed(recorder: Recorder, timespans: object, batch_first: bool) -> Symbolic:
    """The time before this sample, for each row: (rows, 1), or (rows, units) where each unit has its own."""
    if not isinstance(timespans, Symbolic):
        raise recorder.refusal(
            "a recurrent layer is given constant time spans",
            "Hand on the timespans of the model's forward; a constant interval is compile(model, x, dt=...).",
        )
    spans = _step_input(recorder, timespans, batch_first)
    result = spans if spans.dim() == 2 else spans.unsqueeze(-1)
    if not isinstance(result, Symbolic) or result.dim() != 2:
        raise recorder.refusal(
            "time spans do not have the shape (batch, time)", "Give each sample one.", f"{tuple(timespans.shape)}"
        )
    return result


def _step_input(recorder: Recorder, x: torch.Tensor, batch_first: bool) -> Symbolic:
    if not isinstance(x, Symbolic):
        raise recorder.refusal(
            "a recurrent layer is given a constant sequence", "Give it what depends on the model's input."
        )
    if axes.starts_with(x.codes, axes.sequence_labels(time_first=batch_first)):
        given, wanted = ("(time, batch)", "(batch, time)") if batch_first else ("(batch, time)", "(time, batch)")
        error = recorder.refusal(
            f"a recurrent layer expects {wanted} and is given {given}", "Set its batch_first, or transpose before it."
        )
        swapped = SwappedAxesError(error.what, where=error.where, advice=error.advice)
        swapped.path = recorder.path.partition("#")[0]
        raise swapped
    if not axes.starts_with(x.codes, axes.sequence_labels(time_first=not batch_first)):
        raise recorder.refusal(
            "a recurrent layer is given something other than a batch of whole sequences",
            "Give it (batch, time, features) with all steps of the model's input. A loop in which the model goes on "
            "from its own answers stays outside: compile the model without it, and give stream() each answer.",
            f"the shape is {tuple(x.shape)}",
        )
    at = (lambda t: t[:, 0]) if batch_first else (lambda t: t[0])
    codes, example = at(x.codes), at(x.example)
    labels = axes.spread(axes.batch_labels(axes.NOW), codes.shape)
    return symbolic(recorder, example, axes.encode(labels, axes.elements_of(codes)), x.value)


def _new_state(recorder: Recorder, step: CellStep, number: int, hx: States | None) -> str:
    variable = step.variables[number]
    size = int(np.prod(variable.shape))
    initial = np.zeros(size)
    if hx is not None:
        if symbols(hx):
            raise recorder.refusal(
                "a recurrent layer starts from a computed state",
                "Start from zeros, or from a constant that is the same for each row.",
            )
        if len(hx) != len(step.variables):
            names = ", ".join(v.name for v in step.variables)
            raise recorder.refusal(
                "a recurrent layer starts from a different number of states than it has",
                f"Give it {names}: a tensor, or a tuple where there are several.",
                f"{len(hx)} given, expected {len(step.variables)}",
            )
        given, wanted = hx[number].detach().double(), (axes.ROWS, *variable.shape)
        if not _fits(given.shape, wanted):
            raise recorder.refusal(
                "a recurrent layer starts from a state of the wrong shape",
                "Give it a row for each sequence.",
                f"{variable.name} is {tuple(given.shape)}, expected {wanted}",
            )
        rows = given.expand(wanted).reshape(axes.ROWS, size).numpy()
        if np.any(rows[0] != rows[1]):
            raise recorder.refusal(
                "a recurrent layer starts from a different state in each row",
                "Start from zeros, or from a constant that is the same for each row.",
            )
        initial = rows[0].copy()
    low, high = variable.bound(initial) if variable.bound else (None, None)
    name = recorder.add_state(recorder.named(variable.name), initial, low, high)
    if variable.grows:
        recorder.growing.append(name)
    return name


def _fits(shape: torch.Size, wanted: tuple[int, ...]) -> bool:
    """Whether a tensor of this shape can be repeated to the one wanted."""
    return len(shape) <= len(wanted) and all(
        n in (1, w) for n, w in zip(reversed(shape), reversed(wanted), strict=False)
    )


def _at_last(tensor: Symbolic) -> Symbolic:
    labels = axes.spread(axes.batch_labels(axes.LAST), tensor.codes.shape)
    codes = axes.encode(labels, axes.elements_of(tensor.codes))
    return symbolic(tensor.recorder, tensor.example, codes, tensor.value)


def _at_every(tensor: Symbolic, batch_first: bool) -> Symbolic:
    dim = 1 if batch_first else 0
    example = torch.stack([tensor.example] * axes.STEPS, dim)
    elements = torch.stack([axes.elements_of(tensor.codes)] * axes.STEPS, dim)
    labels = axes.spread(axes.sequence_labels(time_first=not batch_first), example.shape)
    return symbolic(tensor.recorder, example, axes.encode(labels, elements), tensor.value)
