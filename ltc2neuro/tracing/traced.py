"""Recording: a copy of the model runs once on symbolic tensors, and leaves a float graph."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch

from compiler.graph import Graph
from compiler.graph.validate import validate
from compiler.steps.variables import Variable
from hw_models.errors import Ltc2NeuroError, TraceError
from ltc2neuro.compiled.answers import Answers
from ltc2neuro.inputs.several import TIMESPANS, Inputs
from ltc2neuro.inputs.tokens import Tokens
from ltc2neuro.nn.recurrence import written
from ltc2neuro.tracing.axis_order import FailsInTorchError
from ltc2neuro.tracing.calling.answering import Place, Returned, returned
from ltc2neuro.tracing.calling.arguments import Arguments, SampleForm, arguments
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.modules import Forward, instrumented, looks_up, vocabularies
from ltc2neuro.tracing.dispatch.dispatch import Recording, dispatch
from ltc2neuro.tracing.dispatch.scripts import scripts_in_python
from ltc2neuro.tracing.dispatch.writing import Written
from ltc2neuro.tracing.host_readouts import HoldError, HostReadouts, host_readouts
from ltc2neuro.tracing.last_states import LastStatesError, no_states_of
from ltc2neuro.tracing.layers import handler_of
from ltc2neuro.tracing.layers.stepped import note_stepped
from ltc2neuro.tracing.layers.torchdiffeq import solvers
from ltc2neuro.tracing.ops.embedding import NewTableError, numbers_of
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.checkpoints import Checkpoint
from ltc2neuro.tracing.recording.constant_names import ConstantNames
from ltc2neuro.tracing.recording.extents import Decisions
from ltc2neuro.tracing.recording.local_variables import local_variables
from ltc2neuro.tracing.recording.over_time import OverTime
from ltc2neuro.tracing.recording.recorder import Clock, Recorder
from ltc2neuro.tracing.recording.source import call, raised_at
from ltc2neuro.tracing.recording.symbolic import Symbolic, check_computed, symbols

_OF_TOKENS = " Tokens that go to nn.Embedding are samples of an integer type, such as x.astype(np.int64)."
_EXPORTED = "It was exported for one shape. Compile the Python module that was exported."


@dataclass(frozen=True)
class Traced(Calling):
    """A traced model: its raw float graph, how torch calls it, and the states that may grow without bound.

    Where it is `timed`, the graph takes time spans below `shortest` for that one: integers are kept away from 0. It is
    0 where the model is defined and bounded there.
    The places of tensors that the model returns and are neither answers nor states are `dropped`: the graph does not
    compute them.
    """

    graph: Graph
    growing: tuple[str, ...]
    shortest: float
    dropped: tuple[Place, ...]
    checkpoints: tuple[Checkpoint, ...]
    narrowed: bool
    """whether the model casts to float32 what it is given in float64"""
    variables: tuple[Variable, ...]
    """of a model whose sequence is one sample"""
    titles: Mapping[str, str]
    """what values are, that have no variable's name"""
    copies: Mapping[str, int]
    """of such a model the values that stand for others, and in which step: see `compiler.steps.elements`"""
    decisions: Decisions
    """that the model makes by the number of rows or steps"""


@dataclass(frozen=True)
class Reads:
    """What a model is recorded on: a batch of sequences of samples of one shape, and in which type it computes."""

    sample_shape: tuple[int, ...]
    dtype: torch.dtype
    time_first: bool = False
    inputs: Inputs | None = None
    """what each sample is put together from, of a model that takes several"""
    tokens: Tokens | None = None
    """where samples are tokens: which of their channels are none"""
    at_once: Answers | None = None
    """of a model whose sample holds all steps, what it answers to them: then it may write into parts of tensors"""

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the batch."""
        return (*((axes.STEPS, axes.ROWS) if self.time_first else (axes.ROWS, axes.STEPS)), *self.sample_shape)


def record(model: torch.nn.Module, reads: Reads, clock: Clock, over: OverTime | None = None) -> Traced:
    """Record `model` on what it `reads`; `over` says where it joins its answers.

    Raises `TraceError` for what cannot be compiled.
    """
    over, known = over or OverTime(), reads.tokens
    while True:
        try:
            found = _recorded(model, reads, clock, known, over)
        except HoldError as hold:
            over = over.anew(hold.kind)
        except LastStatesError as found:
            over = replace(over.anew(), states=over.states | found.places)
        except NewTableError as new:
            over = over.anew()
            assert known is not None
            known = replace(known, tables=(*known.tables, new.table))
        else:
            _check_looked_up(known, reads.inputs)
            return found


def _check_looked_up(tokens: Tokens | None, inputs: Inputs | None) -> None:
    """Raise `TraceError` for an input of tokens, among several, that is looked up nowhere."""
    places = {place for table in tokens.tables for place in table.places} if tokens else set[int]()
    for one in inputs.each if inputs else ():
        if one.tokens and places.isdisjoint(range(inputs.size)[inputs.where[one.name]] if inputs else ()):
            raise TraceError(
                f"the input {one.name} is of an integer type, and no nn.Embedding looks it up",
                advice="In a model with an nn.Embedding such an input is tokens: give numbers as floats.",
            )


def _recorded(model: torch.nn.Module, reads: Reads, clock: Clock, tokens: Tokens | None, over: OverTime) -> Traced:
    """The same, for tokens that are looked up in known tables and readouts over time that are known to be states.

    Raises `NewTableError` and `HoldError` for others.
    """
    timespans = clock.timespans
    if timespans is not None:
        _check_keyword(model)
    recorder, clone = _recorder(model, clock, reads.dtype)
    recorder.all_at_once, recorder.over_time = reads.at_once is not None, over
    recorder.decisions.recorded = reads.sample_shape[0] if recorder.all_at_once else 0
    given = _arguments(recorder, clone, reads, tokens)
    try:
        answered = returned(_called(recorder, clone, given), recorder.is_state, over.states)
    except Ltc2NeuroError:
        raise
    except Exception as error:
        raise _fails(model, error, given, reads) from error
    recorder.output(answered.tensors)
    graph, final = recorder.graph()
    marks = {final[value]: kind for value, kind in over.marks.items()}
    values = [final.get(t.value, t.value) for t in answered.tensors]
    at_once = reads.at_once is not None
    read = host_readouts(graph, reads.at_once or answered.answers, values, marks, at_once=at_once)
    checkpoints = recorder.checkpoints.final(final)
    left_out = [] if at_once else _no_states(recorder, answered, read, final)
    return Traced(
        answers=read.answers,
        places=answered.places,
        time_first=reads.time_first,
        output_time_first=answered.time_first,
        dt=clock.dt,
        timed=timespans is not None,
        sample_shape=reads.sample_shape,
        tokens=tokens,
        inputs=reads.inputs,
        graph=validate(read.graph, "tracing"),
        growing=tuple(recorder.growing),
        shortest=0.0 if timespans is None else timespans.shortest,
        dropped=(*answered.dropped, *left_out),
        checkpoints=tuple(c for c in checkpoints if c.value not in read.after),
        variables=tuple(v.renamed(final.__getitem__) for v in recorder.variables if v.known(final)),
        titles=recorder.titles(final, {w.value: w.module for w in checkpoints if not w.module.isdigit()}),
        copies={final[value]: step for value, step in over.copies.items() if value in final},
        narrowed=recorder.narrowed,
        decisions=recorder.decisions,
    )


def _no_states(recorder: Recorder, answered: Returned, read: HostReadouts, final: Mapping[str, str]) -> list[Place]:
    """What holds states, and is not the last state of an answer to each step, nor, beside the last one, what a layer
    returned as its state. Raises `LastStatesError` for those that may be answers."""
    pairs = zip(answered.tensors, read.answers.each, strict=True)
    every = [final.get(tensor.value, tensor.value) for tensor, answer in pairs if answer.every]
    over, asked = recorder.over_time, dict(answered.states)
    if not (every or over.marks or over.held):
        asked = {p: t for p, t in asked.items() if not any(t is state for state in recorder.layer_states)}
    found = no_states_of(read.graph, every, {p: final.get(t.value, t.value) for p, t in asked.items()})
    answers = frozenset(p for p in found if isinstance(p, int) and axes.layout(asked[p].codes) is not None)
    if answers:
        raise LastStatesError(answers)
    return found


def _arguments(recorder: Recorder, clone: torch.nn.Module, reads: Reads, tokens: Tokens | None) -> Arguments:
    """What the model is called with: symbolic tensors."""
    timespans, time_first = recorder.timespans, reads.time_first
    x = torch.zeros(reads.shape, dtype=reads.dtype if tokens is None else torch.int64)
    ones = None if timespans is None else torch.ones(reads.shape[:2], dtype=reads.dtype)
    samples, elapsed = recorder.input(x, time_first, ones, tokens, max(vocabularies(clone), default=0))
    if timespans is not None and elapsed is not None:
        recorder.given = _held_above(recorder, elapsed, timespans.shortest)
    if reads.inputs is None:
        return Arguments((samples,), {} if recorder.given is None else {TIMESPANS: recorder.given})
    numbers = samples if tokens is None else numbers_of(samples, reads.dtype)
    looked_up = samples if tokens else None
    return arguments(SampleForm(reads.inputs, reads.sample_shape, time_first), numbers, recorder.given, looked_up)


def _called(recorder: Recorder, clone: torch.nn.Module, given: Arguments) -> object:
    """What the model returns."""
    kept = {id(tensor) for tensor in (*clone.parameters(), *clone.buffers())}
    written = Written(recorder, kept)
    recorder.standing = written.standing
    with scripts_in_python(recorder), solvers(recorder), Recording(recorder, written) as recording:
        with local_variables(recorder, written.standing) if recorder.all_at_once else nullcontext() as profile:
            recording.profile = profile
            result = written.standing(call(clone, *given.ordered, **given.named))
    check_computed(result)
    return result


def _check_keyword(model: torch.nn.Module) -> None:
    parameters = inspect.signature(type(model).forward).parameters
    if "timespans" not in parameters and all(p.kind is not p.VAR_KEYWORD for p in parameters.values()):
        raise TraceError(
            f"{type(model).__name__} takes no time spans",
            where=written(model),
            numbers=f"its forward has {', '.join([*parameters][1:])}",
            advice="Give it a keyword timespans, (batch, time), and hand that on to its recurrent layers; or leave out "
            "timespans=.",
        )


def _recorder(model: torch.nn.Module, clock: Clock, dtype: torch.dtype) -> tuple[Recorder, torch.nn.Module]:
    """A recorder, and the copy of the model whose modules tell it where they are; recurrent layers go to handlers."""

    def wrap(path: str, module: torch.nn.Module, forward: Forward) -> Forward:
        handler = handler_of(module)

        def traced(*args: object, **kwargs: object) -> object:
            args = tuple(map(recorder.standing, args))
            kwargs = {name: recorder.standing(value) for name, value in kwargs.items()}
            count = recorder.checkpoints.enter(path) if symbols(args) or symbols(kwargs) else 1
            with recorder.inside(path if count == 1 else f"{path}#{count}"):
                if handler is None or not (symbols(args) or symbols(kwargs)):
                    result = forward(*args, **kwargs)
                else:
                    result = handler(recorder, module, *args, **kwargs)
                    recorder.layer_states += symbols(result[1:]) if isinstance(result, tuple) else []
                if recorder.all_at_once:
                    note_stepped(recorder, module, args, kwargs, result)
                recorder.checkpoints.output(path, result)
            return result

        return traced

    clone = instrumented(model, wrap, dtype)
    recorder = Recorder(dispatch, ConstantNames(clone), {id(m): path for path, m in clone.named_modules()}, clock)
    return recorder, clone


def _held_above(recorder: Recorder, elapsed: Symbolic, shortest: float) -> torch.Tensor:
    """The time spans, those below `shortest` taken for that one."""
    if shortest <= 0:
        return elapsed
    least = torch.tensor(shortest, dtype=elapsed.example.dtype)
    with recorder.inside("timespans"):
        return call(lambda times: torch.maximum(times, least), elapsed)


def _fails(model: torch.nn.Module, error: Exception, given: Arguments, reads: Reads) -> FailsInTorchError:
    """The error for a model that fails on the recording's batch as it would in torch."""
    shape, inputs = reads.shape, reads.inputs
    axes_ = ", ".join(("time, batch" if reads.time_first else "batch, time", "features" if len(shape) == 3 else "..."))
    single = f" A sample has the shape {shape[2:]}: without a time axis, x[:, None] makes each a sequence of one."
    takes = f"Make sure that it takes torch.zeros{shape}, ({axes_}), in torch"
    what = f"input of shape {shape}"
    if inputs is not None:
        each = [*given.ordered, *given.named.values()]
        what = f"inputs {inputs}, as tensors {', '.join(str(tuple(x.shape)) for x in each)}"
        takes = "Make sure that it takes them in torch; what has a value at every step is (batch, time, features)"
    timed = f", with the keyword timespans=torch.ones{shape[:2]}." if given.named.get(TIMESPANS) is not None else "."
    return FailsInTorchError(
        "the model fails on a batch of sequences",
        where=str(raised_at(error) or ""),
        numbers=f"{what}: {type(error).__name__}: {error}",
        advice=_EXPORTED
        if isinstance(model, torch.fx.GraphModule)
        else takes + timed + (single if len(shape) > 3 else "") + (_OF_TOKENS if looks_up(model) else ""),
    )
