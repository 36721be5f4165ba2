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
from ltc2neuro.tracing.calling.answering import Place, at_places, complex_answer, members
from ltc2neuro.tracing.calling.forward import with_time
from ltc2neuro.tracing.calling.initial_states import Starts, first_states
from ltc2neuro.tracing.calling.kept_attributes import as_it_was, kept_rows
from ltc2neuro.tracing.calling.model_inputs import ModelInputs
from ltc2neuro.tracing.calling.modules import Forward, instrumented, undisturbed
from ltc2neuro.tracing.layers.rows import row_by_row
from ltc2neuro.tracing.ops.shape_ops import TakenApartError
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.over_time import TimePlaces
from ltc2neuro.tracing.time_places import time_places

Shape = tuple[int, ...]
OTHER, MANY = axes.STEPS + 2, 131
"""Numbers of steps, to tell these from features, and from the latest ones: a model may answer with some of them"""
NEAR = 1e-3
"""How far an answer may be from itself"""


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
        return forward if given.spans is None else row_by_row(module, forward)

    return instrumented(model, wrap, given.dtype)


def way_of(
    model: torch.nn.Module, given: ModelInputs, dt: float, *, time_first: bool, beside: Sequence[Place] = ()
) -> Way:
    """How the model answers sequences in this order; of what has no steps these are answers `beside` one to each.

    Raises `TraceError` where it fails or answers to other rows.
    """
    with undisturbed():
        clone = copied(model, given, dt)
        result = partial(_Result.of, clone, given, time_first=time_first)
        results, single, fails = [result(n) for n in (axes.STEPS, OTHER, MANY)], None, None
        try:
            single = result(1)
        except TraceError as error:
            fails = error
        found = _answers(results, single)
        inside = {place: layout for place, layout in found.items() if isinstance(place, tuple)}
        without = [place for place, layout in inside.items() if layout.readout == "last"]
        without += [] if results[0].named else _without_steps(found)
        told = {p: layout for p, layout in found.items() if p in beside or (p not in without and p not in inside)}
        way = _way(given, results[0], told, time_first=time_first)
        way = replace(way, starts=Starts(model, first_states(model)))
        if not way.every and fails is not None:
            raise fails
        if any(answer.over.apart for answer in way.answers.each):
            _check_given_before(way, clone)
        over = time_places(partial(_called, clone, given, time_first=time_first), given)
    joins = {} if way.every else over.joins
    longer = _longer(results)
    others = [p for p in results[0].tensors if p not in found and not (isinstance(p, tuple) and p[:-1] in longer)]
    dropped = [place for place in others if not all(r.tensors[place][1:2] == (axes.ROWS,) for r in results)]
    dropped += [*longer, *(place for place in inside if place not in without)]
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


def _answers(results: Sequence[_Result], single: _Result | None) -> dict[Place, _StepAxes]:
    """Those among the tensors of results, and of that of a `single` step. Raises `TakenApartError` for an answer that
    has no layout."""
    found: dict[Place, _StepAxes] = {}
    begins, longer = next(place for place in results[0].tensors if not isinstance(place, tuple)), _longer(results)
    for place in results[0].tensors:
        if isinstance(place, tuple) and place[:-1] in longer:
            continue
        first, second, _ = (result.layouts(place) for result in results)
        both = [layout for layout in first if layout in second]
        latest = None if single is None or place not in single.tensors else _latest([single, *results], place)
        if latest is not None:
            found[place] = latest
        elif both:
            found[place] = both[0]
        elif isinstance(place, tuple):
            continue
        elif results[0].named or place == begins or len({r.tensors.get(place) for r in results}) > 1:
            error, name = (TakenApartError, "") if place == begins else (TraceError, f" {place!r}")
            raise error(
                f"the model's answer{name} is neither one per step nor one for the last step",
                numbers="; ".join(f"{axes.ROWS} rows of {r.steps} steps give {r.tensors.get(place)}" for r in results),
                advice="Return (batch, time, ...), or (batch, ...) of the last step; choose steps after the network.",
            )
    return found


def _longer(results: Sequence[_Result]) -> list[tuple[int | str, ...]]:
    """The places of lists that hold more where there are more steps."""
    every = [{place for place in result.tensors if isinstance(place, tuple)} for result in results]
    return list(dict.fromkeys(place[:-1] for place in sorted(every[-1] - every[0], key=str)))


def _without_steps(found: Mapping[Place, _StepAxes]) -> list[Place]:
    """What comes beside an answer to each step, and has no steps: last states, if they are no readouts."""
    own = {place: layout for place, layout in found.items() if not isinstance(place, tuple)}
    begins = next(iter(own.values()))
    return [place for place, layout in own.items() if begins.readout != "last" == layout.readout]


def _latest(results: Sequence[_Result], place: Place) -> _StepAxes | None:
    """The layout of a tensor that has the latest steps alone: as many as there are, up to some."""
    shapes = [result.tensors[place] for result in results]
    for axis in (1, 0):
        if any(len(shape) < 2 or shape[1 - axis] != axes.ROWS for shape in shapes):
            continue
        most = shapes[-1][axis]
        if 1 < most < MANY and all(shape[axis] == min(r.steps, most) for shape, r in zip(shapes, results, strict=True)):
            return _StepAxes(f"last {most}", shapes[0][2:], time_first=axis == 0)
    return None


def _way(given: ModelInputs, result: _Result, layouts: Mapping[Place, _StepAxes], *, time_first: bool) -> Way:
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


@dataclass(frozen=True)
class _StepAxes:
    """Where the steps of a tensor are, and the shape of what is there at one."""

    readout: str
    shape: Shape
    time_first: int = False


@dataclass(frozen=True)
class _Result:
    """What a model returned to so many steps: tensors by their places."""

    steps: int
    tensors: Mapping[Place, Shape]
    names: Mapping[Place, str] = field(default_factory=dict)
    keyed: bool = False

    @property
    def named(self) -> bool:
        """Whether the model says what is an answer."""
        return self.keyed or any(self.names.values())

    def layouts(self, place: Place) -> list[_StepAxes]:
        """Those that one tensor may have."""
        shape, orders = self.tensors[place], ((axes.ROWS, self.steps), (self.steps, axes.ROWS))
        stepped = [_StepAxes("every", shape[2:], turned) for turned, order in enumerate(orders) if shape[:2] == order]
        return stepped + ([_StepAxes("last", shape[1:])] if shape[:1] == (axes.ROWS,) else [])

    @staticmethod
    def of(model: torch.nn.Module, given: ModelInputs, steps: int, *, time_first: bool) -> _Result:
        """That of zeros. Raises `TraceError`."""
        x = given.zeros(axes.ROWS, steps)
        try:
            result = _called(model, given, x, time_first=time_first)
        except Ltc2NeuroError:
            raise
        except Exception as error:
            raise _failure(error, model, given, steps, time_first=time_first) from error
        keyed = isinstance(result, Mapping)
        held = dict(members(result)) if isinstance(result, (tuple, Mapping)) else {0: result}
        fields = getattr(result, "_fields", ())
        tensors = {p: y for p, y in held.items() if isinstance(y, torch.Tensor)}
        found = {p: tuple(y.shape) for p, y in tensors.items()}
        for place in [p for p, y in tensors.items() if y.is_complex()]:
            stepped = found[place][:2] in ((axes.ROWS, steps), (steps, axes.ROWS))
            if (not place or keyed or stepped) and not isinstance(place, tuple):
                raise complex_answer(found[place], f" {place!r}" * bool(place))
            if not stepped:
                del found[place]
        if all(isinstance(place, tuple) for place in found) or (0 not in found and not isinstance(result, Mapping)):
            raise TraceError(
                "the model returns no answer: a tensor, a tuple that begins with one, or a dict of them",
                numbers=f"it returns {type(result).__name__}",
                advice="Answers of all steps are one tensor: torch.stack(answers, 1).",
            )
        names = {p: str(p) if keyed else fields[p] if fields and isinstance(p, int) else "" for p in found}
        return _Result(steps, found, names, keyed)


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
    return TraceError(
        f"the model fails on {steps} step{'s' * (steps > 1)}",
        numbers=numbers,
        advice="A network answers from its first sample on: x[:, 3:4] and x[:, -2] are not there. Pad on the left.",
    )
