"""One step of a cell, recorded over a sequence: how a layer's input is read step by step, and its states kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from compiler.steps.variables import StateBound
from hw_models.errors import TraceError
from ltc2neuro.nn.recurrence import written
from ltc2neuro.tracing.ops.shape_ops import apart
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.recorder import Recorder
from ltc2neuro.tracing.recording.symbolic import ComplexPair, Symbolic, symbolic, symbols

CellStates = tuple[torch.Tensor, ...]
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
    bound: StateBound | None = None
    shown_by: torch.nn.Module | None = None
    position: int = 0
    grows: bool = False


@dataclass(frozen=True)
class CellStep:
    """One step of a cell: `function(x, states, elapsed)` gives the output and the new states.

    `elapsed` is the time before the sample, a number or (rows, 1).
    """

    variables: tuple[StateVariable, ...]
    function: Callable[[torch.Tensor, CellStates, Elapsed], tuple[torch.Tensor, CellStates]]


@dataclass(frozen=True)
class Scan:
    """How a layer goes through its input."""

    recorder: Recorder
    batch_first: bool
    return_sequences: bool = True

    def over(
        self, step: CellStep, x: torch.Tensor, hx: object = None, timespans: object = None
    ) -> tuple[torch.Tensor, CellStates]:
        """Record one step over the sequence `x`; returns the layer's output and its last states."""
        recorder, start = self.recorder, given_states(self.recorder, hx)
        if recorder.all_at_once and isinstance(x, Symbolic) and x.dim() > 2:
            if self._is_batch(x):
                return self._one_by_one(step, x, start, timespans)
            if not axes.starts_with(x.codes, axes.sequence_labels(time_first=False)):  # that of the whole model
                raise apart(recorder, "a recurrent layer takes its rows for steps")
        x_t = self._step_input(x)
        elapsed = recorder.dt if timespans is None else self._elapsed(timespans)
        names = [_new_state(recorder, step, number, start) for number in range(len(step.variables))]
        like = x_t.example if x_t.example.is_floating_point() else torch.zeros(())  # tokens are no states
        states = tuple(
            recorder.read(name, variable.shape, like) for name, variable in zip(names, step.variables, strict=True)
        )
        y, after = step.function(x_t, states, elapsed)
        if len(after) != len(names):
            raise _broken(
                step,
                "a cell returns a different number of states than it takes",
                "Return the new state, or the output and the new state: (y, state), in which several states are "
                "a tuple.",
                f"{len(names)} before, {len(after)} after",
            )
        for variable, name, new, old in zip(step.variables, names, after, states, strict=True):
            recorder.write(name, _checked_state(step, variable, new, old))
            if variable.shown_by is not None:
                recorder.checkpoints.state(name, recorder.path_of(variable.shown_by), variable.position)
        if not isinstance(y, Symbolic) or not axes.starts_with(y.codes, axes.batch_labels(axes.NOW)):
            raise _broken(step, "the output of a cell was not recorded", "Return a tensor (batch, ...).")
        last = tuple(_at_last(s) for s in after if isinstance(s, Symbolic))
        return (self._at_every(y) if self.return_sequences else _at_last(y)), last

    def _is_batch(self, x: Symbolic) -> bool:
        """Whether all steps are elements of one sample."""
        codes = x.codes if self.batch_first else x.codes.transpose(0, 1)
        return axes.starts_with(codes, axes.batch_labels(axes.NOW))

    def _one_by_one(
        self, step: CellStep, x: torch.Tensor, start: CellStates | None, timespans: object
    ) -> tuple[torch.Tensor, CellStates]:
        """The same of a sequence that is one sample: each of its steps is recorded."""
        if start is not None and len(start) != len(step.variables):
            raise self.recorder.refusal(
                "a recurrent layer after what mixes steps is given a part of its states",
                "Start from None, or from all of its states.",
            )
        rows, dim = x.shape[0 if self.batch_first else 1], 1 if self.batch_first else 0
        shapes = [(rows, *variable.shape) for variable in step.variables]
        zeros = [torch.zeros(shape, dtype=x.dtype) for shape in shapes]
        states = tuple(s.expand(shape) for s, shape in zip(zeros if start is None else start, shapes, strict=True))
        elapsed = [self.recorder.dt] * x.shape[dim] if timespans is None else self._each_elapsed(timespans, dim)
        answers = list[torch.Tensor]()
        for x_t, time in zip(x.unbind(dim), elapsed, strict=True):
            y, after = step.function(x_t, states, time)
            note(self.recorder, step.variables, states, after)
            answers.append(y)
            states = after
        return (torch.stack(answers, dim) if self.return_sequences else answers[-1]), states

    def _each_elapsed(self, timespans: object, dim: int) -> list[torch.Tensor]:
        """The time before each sample of a sequence that is one."""
        if not isinstance(timespans, torch.Tensor) or timespans.dim() not in (2, 3):
            raise self._wrong_timespans(timespans)
        return [step if step.dim() == 2 else step.unsqueeze(-1) for step in timespans.unbind(dim)]

    def _wrong_timespans(self, timespans: object) -> TraceError:
        shape = tuple(timespans.shape) if isinstance(timespans, torch.Tensor) else type(timespans).__name__
        return self.recorder.refusal(
            "time spans do not have the shape (batch, time)", "Give each sample one.", f"{shape}"
        )

    def _elapsed(self, timespans: object) -> Symbolic:
        """The time before this sample, for each row: (rows, 1), or (rows, units) where each unit has its own."""
        if not isinstance(timespans, Symbolic):
            raise self.recorder.refusal(
                "a recurrent layer is given constant time spans",
                "Hand on the timespans of the model's forward; a constant interval is compile(model, x, dt=...).",
            )
        step = self._step_input(timespans)
        result = step if step.dim() == 2 else step.unsqueeze(-1)
        if not isinstance(result, Symbolic) or result.dim() != 2:
            raise self._wrong_timespans(timespans)
        return result

    def _step_input(self, x: torch.Tensor) -> Symbolic:
        recorder, batch_first = self.recorder, self.batch_first
        if not isinstance(x, Symbolic):
            raise recorder.refusal(
                "a recurrent layer is given a constant sequence", "Give it what depends on the model's input."
            )
        if axes.starts_with(x.codes, axes.sequence_labels(time_first=batch_first)):
            given, wanted = ("(time, batch)", "(batch, time)") if batch_first else ("(batch, time)", "(time, batch)")
            error = recorder.refusal(
                f"a recurrent layer expects {wanted} and is given {given}",
                "Set its batch_first, or transpose before it.",
            )
            swapped = SwappedAxesError(error.what, where=error.where, advice=error.advice)
            swapped.path = recorder.path.partition("#")[0]
            raise swapped
        if not axes.starts_with(x.codes, axes.sequence_labels(time_first=not batch_first)):
            raise recorder.refusal(
                "a recurrent layer is given something other than a batch of whole sequences",
                "Give it (batch, time, features) with all steps of the model's input. A loop in which the model goes "
                "on from its own answers stays outside: compile the model without it, and give stream() each answer.",
                f"the shape is {tuple(x.shape)}",
            )
        at = (lambda t: t[:, 0]) if batch_first else (lambda t: t[0])
        codes, example = at(x.codes), at(x.example)
        labels = axes.spread_labels(axes.batch_labels(axes.NOW), codes.shape)
        return symbolic(recorder, example, axes.encode(labels, axes.elements_of(codes)), x.value)

    def _at_every(self, tensor: Symbolic) -> Symbolic:
        dim = 1 if self.batch_first else 0
        example = torch.stack([tensor.example] * axes.STEPS, dim)
        elements = torch.stack([axes.elements_of(tensor.codes)] * axes.STEPS, dim)
        labels = axes.spread_labels(axes.sequence_labels(time_first=not self.batch_first), example.shape)
        return symbolic(tensor.recorder, example, axes.encode(labels, elements), tensor.value)


def note(recorder: Recorder, variables: Sequence[StateVariable], before: Sequence[object], after: CellStates) -> None:
    """Where the states of a cell are that was stepped by hand."""
    for variable, old, new in zip(variables, before, after, strict=False):
        recorder.variable(recorder.named(variable.name), new, old, variable.bound, grows=variable.grows)


def given_states(recorder: Recorder, hx: object) -> CellStates | None:
    """The states that the user's model hands to a layer: tensors, or None for the layer's own."""
    if hx is None:
        return None
    given = hx if isinstance(hx, (tuple, list)) else (hx,)
    tensors = tuple(t for t in given if isinstance(t, torch.Tensor))
    if len(tensors) != len(given):
        raise recorder.refusal("a recurrent layer starts from something that is not a tensor", "Give a tensor.")
    return tensors


def _checked_state(step: CellStep, variable: StateVariable, new: object, old: Symbolic) -> Symbolic:
    """The new state of a cell. Raises an error where it is not one for each row, like the `old` one."""
    if isinstance(new, ComplexPair):
        raise _broken(
            step,
            "the new state of a cell is complex",
            "Keep its real and imaginary part, state_size = (n, n), with h = torch.complex(re, im) inside; or step the "
            "cell in a loop of the model's own forward.",
            variable.name,
        )
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
    return new


def _broken(step: CellStep, what: str, advice: str, numbers: str = "") -> TraceError:
    """The error for what a cell has returned: none of its lines is being executed any more."""
    cell = step.variables[0].shown_by
    return TraceError(what, where="" if cell is None else written(cell), numbers=numbers, advice=advice)


def _new_state(recorder: Recorder, step: CellStep, number: int, hx: CellStates | None) -> str:
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
        if not repeats_to(given.shape, wanted):
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


def repeats_to(shape: torch.Size, wanted: tuple[int, ...]) -> bool:
    """Whether a tensor of this shape can be repeated to the one wanted."""
    return len(shape) <= len(wanted) and all(
        n in (1, w) for n, w in zip(reversed(shape), reversed(wanted), strict=False)
    )


def _at_last(tensor: Symbolic) -> Symbolic:
    labels = axes.spread_labels(axes.batch_labels(axes.LAST), tensor.codes.shape)
    codes = axes.encode(labels, axes.elements_of(tensor.codes))
    return symbolic(tensor.recorder, tensor.example, codes, tensor.value)
