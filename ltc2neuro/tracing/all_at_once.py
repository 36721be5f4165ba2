"""A model whose sequence is one sample: in which order it reads and answers, and what it returns are answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from compiler.steps.orbits import UnsteadyError
from hw_models.errors import Ltc2NeuroError, TraceError
from ltc2neuro.compiled.answers import Answer, Answers, alone
from ltc2neuro.nn.recurrence import written
from ltc2neuro.tracing.answer_shapes import MANY, OTHER, ModelResult, StepAxes, answers_in, longer, without_steps
from ltc2neuro.tracing.calling.answering import Place, at_places
from ltc2neuro.tracing.calling.forward import with_time
from ltc2neuro.tracing.calling.initial_states import Starts, first_states
from ltc2neuro.tracing.calling.kept_attributes import as_it_was, kept_rows
from ltc2neuro.tracing.calling.model_inputs import ModelInputs
from ltc2neuro.tracing.calling.modules import Forward, instrumented, undisturbed
from ltc2neuro.tracing.layers.rows import row_by_row
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.over_time import TimePlaces
from ltc2neuro.tracing.recording.source import raised_at
from ltc2neuro.tracing.recording.symbolic import Symbolic
from ltc2neuro.tracing.time_places import time_places

NEAR = 1e-3
"""How far an answer may be from itself"""


class FailsAnywayError(TraceError):
    """The model fails in torch in this order, on however many steps."""


@dataclass(frozen=True)
class Way:
    """In which order a model reads (batch, time, ...) and answers, and at which `places` of what it returns."""

    given: ModelInputs
    time_first: bool
    answers: Answers
    answers_time_first: bool = False
    places: tuple[Place, ...] = ()
    over: TimePlaces = field(default_factory=TimePlaces)
    """where it joins all steps, or the last so many, to answer once, and where windows begin with fewer"""
    starts: Starts | None = None
    beside: tuple[Place, ...] = ()
    """what has no steps, beside an answer to each, or inside another tuple or dict: last states, or computed from
    them"""
    dropped: tuple[Place, ...] = ()
    """what is neither an answer nor a state"""

    @property
    def every(self) -> bool:
        """Whether all answers are given at every step."""
        return all(answer.every for answer in self.answers.each)

    def run(self, model: torch.nn.Module, x: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Its answers to `x` (rows, steps, *shape), (rows, outputs): of all steps, or where some answer is for the last
        step alone, to as many samples as are the `lengths`."""
        if self.every:
            parts = self.answered(model, x)
            return torch.cat([y.reshape(*y.shape[:2], -1) for y in parts], -1).reshape(len(x), -1)
        each = zip(*(self.answered(model, x[:, :n]) for n in lengths), strict=True)
        taken = [
            [(y[:, -1] if answer.stepped else y).reshape(len(x), -1) for y in own]
            for answer, own in zip(self.answers.each, each, strict=True)
        ]
        return torch.cat([part for parts in zip(*taken, strict=True) for part in parts], -1)

    def answered(self, model: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
        """Its answers to `x` (rows, steps, *shape), each with rows first."""
        if isinstance(x, Symbolic):
            x.recorder.over_time.takes.clear()
        with as_it_was(model):
            given = self.given.arguments(x.clone(), time_first=self.time_first)  # it may write into what it is given
            starts = {} if self.starts is None else self.starts.besides(given.ordered, dict(given.named))
            found = at_places(model(*given.ordered, **given.named, **starts), self.places)
        turned = [self.answers_time_first and answer.stepped for answer in self.answers.each]
        return [y.transpose(0, 1) if over else y for y, over in zip(found, turned, strict=True)]


class AllAtOnce(torch.nn.Module):
    """The model as a function of one sample, which holds all steps."""

    state_size = 1

    model: torch.nn.Module
    way: Way
    lengths: Sequence[int]

    def __init__(self, model: torch.nn.Module, way: Way, lengths: Sequence[int]) -> None:
        super().__init__()
        self.model, self.way, self.lengths = model, way, lengths

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """`x` (rows, steps, *sample_shape) -> (rows, steps * outputs)."""
        y, size = self.way.run(self.model, x, self.lengths), sum(answer.size for answer in self.way.answers.each)
        if isinstance(x, Symbolic) and not isinstance(y, Symbolic):
            raise TraceError(
                "the answers do not depend on the samples",
                where=written(self.model),
                advice="Such a loop runs by itself, as a pattern generator does: let each step read x[:, t], or run it "
                "on the host.",
            )
        steps = x.shape[1] if self.way.every else len(self.lengths)
        if y.shape[1] != steps * size:
            raise TraceError(
                "the model takes only some steps, or another number of them at its first ones",
                numbers=f"{y.shape[1]} numbers for {steps} answers of {size}",
                advice="Let windows be whole from the first sample on: pad on the left, as F.pad does.",
            )
        return y, h


def copied(model: torch.nn.Module, given: ModelInputs, dt: float) -> torch.nn.Module:
    """A copy of the model, to run it on several rows."""
    timed = with_time(model, dt)

    def wrap(path: str, module: torch.nn.Module, forward: Forward) -> Forward:
        forward = timed(path, module, forward)
        return forward if given.timespans is None else row_by_row(module, forward)

    return instrumented(model, wrap, given.dtype)


def way_of(
    model: torch.nn.Module, given: ModelInputs, dt: float, *, time_first: bool, beside: Sequence[Place] = ()
) -> Way:
    """How the model answers sequences in this order; of what has no steps these are answers `beside` one to each.

    Raises `TraceError` where it fails or answers to other rows.
    """
    with undisturbed():
        clone = copied(model, given, dt)
        result = partial(_returned, clone, given, time_first=time_first)
        results, single, fails = [result(n) for n in (axes.STEPS, OTHER, MANY)], None, None
        try:
            single = result(1)
        except TraceError as error:
            fails = error
        found = answers_in(results, single)
        inside = {place: layout for place, layout in found.items() if isinstance(place, tuple)}
        without = [place for place, layout in inside.items() if layout.readout == "last"]
        without += [] if results[0].named else without_steps(found)
        told = {p: layout for p, layout in found.items() if p in beside or (p not in without and p not in inside)}
        way = _way(given, results[0], told, time_first=time_first)
        way = replace(way, starts=Starts(model, first_states(model)))
        if not way.every and fails is not None:
            raise fails
        if any(answer.over.apart for answer in way.answers.each):
            _check_given_before(way, clone)
        over = time_places(partial(_called, clone, given, time_first=time_first), given)
    joins = {} if way.every else over.joins
    lists = longer(results)
    others = [p for p in results[0].tensors if p not in found and not (isinstance(p, tuple) and p[:-1] in lists)]
    dropped = [place for place in others if not all(r.tensors[place][1:2] == (axes.ROWS,) for r in results)]
    dropped += [*lists, *(place for place in inside if place not in without)]
    return replace(way, over=replace(over, joins=joins), beside=tuple(without), dropped=tuple(dropped))


def _check_given_before(way: Way, model: torch.nn.Module) -> None:
    """Raise `UnsteadyError` where the latest answers but the last are not what they were when they were the last."""
    steps = max(answer.over.latest for answer in way.answers.each) + 2
    x = way.given.random(axes.ROWS, steps)
    before, now = (way.answered(model, x[:, :n]) for n in (steps - 1, steps))
    for answer, old, new in zip(way.answers.each, before, now, strict=True):
        if answer.over.apart and not torch.allclose(old[:, -1], new[:, -2], rtol=NEAR, atol=NEAR, equal_nan=True):
            raise UnsteadyError(
                f"the answers to the last {answer.over.latest} steps change with the next sample",
                where=answer.title,
                advice="A layer that reads the last samples alone, as self.rnn(x[:, -20:]) does, starts anew at each "
                "step: let it read all, and cut its answers.",
            )


def _called(model: torch.nn.Module, given: ModelInputs, x: torch.Tensor, *, time_first: bool) -> object:
    arguments = given.arguments(x, time_first=time_first)
    return model(*arguments.ordered, **arguments.named)


def _way(given: ModelInputs, result: ModelResult, layouts: Mapping[Place, StepAxes], *, time_first: bool) -> Way:
    several = result.named or len(layouts) > 1
    names = [result.names[place] or f"y{number}" for number, place in enumerate(layouts)]
    each = [Answer(n, own.readout, own.shape) for n, own in zip(names, layouts.values(), strict=True)]
    answers = Answers(tuple(each), result.keyed) if several else alone(each[0].readout, each[0].step_shape)
    turned = {own.time_first for own in layouts.values() if own.readout != "last"}
    if len(turned) > 1:
        raise TraceError(
            "some of the model's answers have batch first, others time first", advice="Return all of them in one order."
        )
    return Way(given, time_first, answers, any(turned), tuple(layouts) if several else ())


def _returned(model: torch.nn.Module, given: ModelInputs, steps: int, *, time_first: bool) -> ModelResult:
    """What it returns to zeros. Raises `TraceError`."""
    try:
        result = _called(model, given, given.zeros(axes.ROWS, steps), time_first=time_first)
    except Ltc2NeuroError:
        raise
    except Exception as error:
        raise _failure(error, model, given, steps, time_first=time_first) from error
    return ModelResult.of(result, steps)


def _failure(
    error: Exception, model: torch.nn.Module, given: ModelInputs, steps: int, *, time_first: bool
) -> TraceError:
    """Why the model fails: it holds the rows of a call before if it runs with as many."""
    numbers = f"{tuple(given.zeros(axes.ROWS, steps).shape)}: {type(error).__name__}: {error}"
    for name, rows in kept_rows(model):
        with suppress(Exception):
            _called(model, given, given.zeros(rows, steps), time_first=time_first)
            return TraceError(
                f"the model's {name} holds {rows} row{'s' * (rows > 1)} of a call before",
                numbers=numbers,
                advice=f"Set it to what it is before a first call, such as model.{name} = None, and compile then.",
            )
    try:
        _called(model, given, given.zeros(axes.ROWS, MANY), time_first=time_first)
    except Exception:
        return FailsAnywayError(
            "the model fails on a batch of sequences",
            numbers=numbers,
            advice="In torch it takes another shape: call it there as the calibration is, (batch, time, ...).",
        )
    return TraceError(
        f"the model fails on {steps} step{'s' * (steps > 1)}",
        where=str(raised_at(error) or ""),
        numbers=numbers,
        advice="A network answers from its first sample on: x[:, 3:4] and x[:, -2] are not there. Pad on the left; and "
        "choose other steps than the first and the last ones after the network, net(x)[:, 3], of an answer to each.",
    )
