"""Models that mix steps: recorded over several samples as over one, from which the program of one step is found.

Such are loops over the steps in a model's own `forward`, differences, shifts, sums and convolutions over time. What is
found is proved against torch as all else is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch

from compiler.graph.graph import Graph
from compiler.graph.workload import work
from compiler.interpreters.float64 import run_float
from compiler.steps.infer import ManySteps, inferred
from compiler.steps.orbits import BEFORE_THE_FIRST, CopiesError, SettlesLateError, StartsLateError, UnsteadyError
from hw_models.arrays import Floats
from hw_models.errors import TraceError
from ltc2neuro.compiled.answers import Answers
from ltc2neuro.nn import Recurrent
from ltc2neuro.tracing.all_at_once import AllAtOnce, Way, copied, way_of
from ltc2neuro.tracing.calling.model_inputs import ModelInputs
from ltc2neuro.tracing.calling.modules import undisturbed
from ltc2neuro.tracing.host_readouts import without_bias
from ltc2neuro.tracing.last_states import last_states
from ltc2neuro.tracing.proof.branches import changing_branches
from ltc2neuro.tracing.proof.failures import AT_EVERY_STEP
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.over_time import Copies, OverTime
from ltc2neuro.tracing.recording.recorder import Clock
from ltc2neuro.tracing.steps_of_tokens import of_one_step, places, step_by_step
from ltc2neuro.tracing.traced import Reads, Traced, record

STEPS = (6, 24, 72, 144)
"""So many are recorded, until what is found does the same as the model over more"""
MOST = 2500
"""Ops that are recorded, at most, to look further back"""
LONG, BUDGET = 200, 1e8
"""Steps, and elements that are computed in them"""
NEAR = {torch.float64: 1e-8, torch.float32: 1e-3}
_WRAPPED = re.compile(r"^cell\.model\.?|#\d+")
_MODULE = re.compile(r"module '(cell\.model\.?([^']*))'")
_CALL = re.compile(r"cell\.model\.?([\w.]*)(#\d+)?(?=,|$)")


def record_unrolled(model: torch.nn.Module, given: ModelInputs, dt: float, *, time_first: bool) -> Traced:
    """Record a model that reads what it is given (batch, time, *sample_shape), or with `time_first`, as `record` does.
    Raises `TraceError`."""
    way = _with_answers_beside(model, way_of(model, given, dt, time_first=time_first), dt)
    for line, steps in way.over.padded.items():
        if steps > STEPS[-1]:
            raise _too_far(f"{steps} steps are put before the first", str(line or ""))
    each = [steps for steps in STEPS if steps > way.over.left_out + 2] or STEPS[-1:]
    plain, windows = way.over.without_windows(), way.over.windows.values()
    wide = 2 + max(windows, default=0)
    if STEPS[0] < wide < STEPS[-1] and not way.every and not way.over.left_out:
        each = sorted({*each, wide})  # from the first on, as they have fewer there
    few = [steps for steps in each if not windows or steps <= max(wide, STEPS[1])]
    tries = [(plain, few), (way.over, each if windows else [])]
    tries += [(replace(plain, copies=kind), each) for kind in (Copies.BEFORE, Copies.LATER)]
    failed = list[TraceError]()
    for over, steps in tries:
        try:
            if steps:
                return _recorded(model, replace(way, over=over), dt, steps)
        except TraceError as error:
            failed.append(error)
    if isinstance(failed[0], UnsteadyError) and failed[0].at_once:
        with suppress(TraceError):
            return _recorded(model, replace(way, over=plain), dt, each, late_starts=True)
    why = next((error for error in failed if isinstance(error, CopiesError)), failed[0])
    raise _with_its_branch(why, model, way, dt)


def _with_its_branch(why: TraceError, model: torch.nn.Module, way: Way, dt: float) -> TraceError:
    """The error; where the model takes another branch at some step, at that line."""
    if isinstance(why, UnsteadyError):
        with undisturbed():
            clone, x = copied(model, way.given, dt), way.given.random(1, STEPS[-1])
            branches = changing_branches(lambda: way.answered(clone, x), STEPS[-1])
        if branches:
            why.numbers = "; ".join(part for part in (f"{why.what}: {why.numbers}", why.where) if part)
            why.what = f"the model goes another way at step {branches[0].steps[0]} than at the step before"
            why.where, why.advice = str(branches[0].line), AT_EVERY_STEP
    return why


def _with_answers_beside(model: torch.nn.Module, way: Way, dt: float) -> Way:
    """The same, where what has no steps, beside an answer to each, is an answer, too, if it is no last state; inside
    another tuple or dict it is dropped."""
    if not way.beside:
        return way
    try:
        wide = way_of(model, way.given, dt, time_first=way.time_first, beside=way.beside)
        traced = _of_steps(model, wide, (STEPS[0] - 2, STEPS[0] - 1), Clock(dt))
        traced, features, held = _in_features(traced, way.given)
    except TraceError:  # of a sequence alone, or joined with something else
        return replace(way, dropped=(*way.dropped, *way.beside))
    asked = {a.name: p for p, a in zip(wide.places, traced.answers.each, strict=True) if p in way.beside}
    states = last_states(traced.graph, features, held, traced.answers, asked)
    found = [place for name, place in asked.items() if name not in states]
    answers = [place for place in found if not isinstance(place, tuple)]
    way = way_of(model, way.given, dt, time_first=way.time_first, beside=answers) if answers else way
    return replace(way, dropped=(*way.dropped, *(place for place in found if place not in answers)))


def _of_steps(model: torch.nn.Module, way: Way, at: Sequence[int], clock: Clock) -> Traced:
    """What is recorded over as many steps as there are up to the last of those, at which it answers."""
    steps, given = at[-1] + 1, way.given
    layer = Recurrent(AllAtOnce(model, way, [step + 1 for step in at]))
    reads = Reads((steps, *given.shape), given.dtype, tokens=given.tokens(steps), at_once=way.answers)
    return record(layer, reads, clock, OverTime(places=way.over))


def _recorded(model: torch.nn.Module, way: Way, dt: float, each: Sequence[int], *, late_starts: bool = False) -> Traced:
    """The same of a model that answers in this way, over so many steps each."""
    given, clock, seen = way.given, Clock(dt), _LongerRun(model, way, dt)
    waiting, tried, why = [*each], list[int](), None
    while waiting:
        steps = waiting.pop(0)
        every = way.every or (steps == STEPS[0] and not way.over.left_out) or isinstance(why, SettlesLateError)
        every = every or steps in tried or steps not in STEPS
        alone = way.every or way.over.copies is not Copies.BEFORE  # of one sample it is not seen what comes before it
        at = range(1 - alone, steps) if every else (steps - 2, steps - 1)
        why = None
        try:
            traced = _of_steps(model, way, at, clock)
            if way.over.copies is not Copies.NONE and not traced.copies:
                raise _too_far("nothing is put before the first step")
            traced, features, held = _in_features(traced, given)
            many = ManySteps(traced.graph, features, at, held, traced.copies, traced.titles, late_starts=late_starts)
            for own in (many,) if every else (many, replace(many, filled=True)):
                try:
                    graph = inferred(own, _own_name, traced.variables)
                except UnsteadyError as error:
                    if not own.filled and not isinstance(error, StartsLateError):
                        raise
                    why = None if own.filled else error
                    break
                found = _as_one_step(traced, graph, way)
                if seen.by(found, steps):
                    return found
        except TraceError as error:
            raise _as_written(error) from None
        tried.append(steps)
        ops = sum(len(block.ops) for block in traced.graph.blocks)
        if way.over.windows and why is None and not every and ops * steps <= 4 * MOST:
            waiting.insert(0, steps)  # windows have fewer at first, which the last steps do not show
        elif steps in STEPS:
            further = next((n for n in waiting if n >= STEPS[1]), steps) / steps
            if ops * further ** (1 if why is None or steps == STEPS[0] else 2) > MOST:
                break
    if why is not None:
        raise _as_written(why)
    raise _too_far(f"what it does over {', '.join(map(str, dict.fromkeys(tried)))} steps is not what it does over more")


class TooFarError(UnsteadyError):
    """What was found over so many steps is not what the model does over more, as far as its type of numbers shows."""


def _too_far(numbers: str, where: str = "") -> TooFarError:
    return TooFarError(
        "the model does not do the same at every step, or looks further back than was tried",
        where=where,
        numbers=f"{numbers}; {STEPS[-1]} steps are tried at most",
        advice="A sum over all samples so far is a state, as in cumsum; a window must be shorter. "
        "d = torch.diff(x, dim=1, prepend=x[:, :1]) beside x - x[:, :1] is the same as that at the second step: write "
        f"d.cumsum(1) for the other. {BEFORE_THE_FIRST}",
    )


def _in_features(traced: Traced, given: ModelInputs) -> tuple[Traced, int, frozenset[int]]:
    """What was recorded with the features of each step in order, how many those are, and which are held."""
    if traced.tokens is None:
        return traced, given.channels, given.held
    own = of_one_step(traced.tokens, given.channels)
    held = frozenset(n for n, (channel, *_) in enumerate(places(own)) if channel in given.held)
    graph = step_by_step(traced.graph, traced.tokens, own)
    count = prod(given.sample_shape)  # the time before a sample comes behind what is looked up
    tokens = replace(own, count=count, numbers=tuple(n for n in own.numbers if n < count))
    return replace(traced, graph=graph, tokens=tokens), own.features, held


def _as_one_step(traced: Traced, graph: Graph, way: Way) -> Traced:
    """What was recorded over many steps, as one that the graph is."""
    answers = way.answers if way.every else traced.answers
    growing = {_own_name(v.name) for v in traced.variables if v.grows}
    return replace(
        traced,
        answers=answers,
        places=way.places,
        dropped=way.dropped,
        time_first=way.time_first,
        output_time_first=way.answers_time_first,
        graph=without_bias(graph, answers),
        growing=tuple(state.name for state in graph.states if state.name in growing),
        checkpoints=(),
        sample_shape=way.given.sample_shape,
        inputs=way.given.inputs,
        timed=way.given.timespans is not None,
        shortest=0.0 if way.given.timespans is None else way.given.timespans.shortest,
    )


def _as_written(error: TraceError) -> TraceError:
    """The error at a place of the model's own, which was recorded within a wrapper."""
    error.where = _MODULE.sub(lambda m: f"module {_own_name(m[1])!r}" if m[2] else "the model", error.where)
    error.where = _CALL.sub(r"\1", error.where).removeprefix(", ")
    error.numbers = error.numbers.replace("cell.model.", "")
    return error


@dataclass(frozen=True)
class _LongerRun:
    """What the model does over more steps than are recorded."""

    model: torch.nn.Module
    way: Way
    dt: float

    def by(self, traced: Traced, recorded: int) -> bool:
        """Whether a program does it, too. The proof of the trace decides about the last bits."""
        long = max(2 * recorded, min(LONG, int(BUDGET / axes.ROWS / work(traced.graph).elements)))
        lengths = range(1, long + 1) if self.way.every else (1, 2, 3, recorded, long)
        x, dtype = self.way.given.random(axes.ROWS, long), self.way.given.dtype
        with undisturbed():
            y = self.way.run(copied(self.model, self.way.given, self.dt), x, lengths).double().numpy()
        found = run_float(traced.graph, traced.entering(x.reshape(axes.ROWS, long, -1).double().numpy())).outputs
        ours = found if self.way.every else np.stack([_at_end(found[:, :n], traced.answers) for n in lengths], 1)
        ours, finite = ours.reshape(y.shape), np.isfinite(y)
        return bool(np.all(np.abs(ours - y)[finite] <= NEAR[dtype] * (1 + np.abs(y[finite]).max(initial=0))))


def _at_end(found: Floats, answers: Answers) -> Floats:
    """The answers (rows, outputs) once these steps (rows, steps, outputs) have been."""
    parts = zip(answers.each, answers.apart(found), strict=True)
    return np.concatenate([y[:, -1] if answer.stepped else answer.read_out(y) for answer, y in parts], -1)


def _own_name(name: str) -> str:
    """A name as the model's own, which was recorded within a wrapper, call by call; torch's cells call h `ret`."""
    own = _WRAPPED.sub("", name).lstrip(".") or name
    return f"{own.removesuffix('ret')}h" if own.endswith(".ret") else own
