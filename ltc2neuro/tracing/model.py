"""`trace`: a torch model becomes a float graph, and the graph is proved against torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from compiler.graph import Graph
from hw_models.arrays import Floats
from hw_models.errors import InputError, ProofError
from ltc2neuro.compiled.evidence import Evidence
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.inputs.arrays import check_numbers
from ltc2neuro.inputs.several import Inputs
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.forward import join_timespans, raw_answers, with_time
from ltc2neuro.tracing.calling.modules import instrumented, looks_up, undisturbed, unwrapped
from ltc2neuro.tracing.calling.squeezed_axes import drops
from ltc2neuro.tracing.calling.time_alone import has_time_alone
from ltc2neuro.tracing.proof.failures import DiffersError, FailsError, OwnArithmeticError
from ltc2neuro.tracing.proof.parts_of_time import tell_part
from ltc2neuro.tracing.proof.proof import ALLOWED, Subject, prove_long, prove_trace
from ltc2neuro.tracing.proof.step_numbers import StepNumbers, step_numbers
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording_strategy import ModelSource, times_of
from ltc2neuro.tracing.traced import Traced


@dataclass(frozen=True)
class ProvenTrace:
    """A traced model whose graph computes what torch does; `exact` is the arithmetic in which that was shown."""

    traced: Traced
    evidence: Evidence
    exact: torch.dtype
    numbers: StepNumbers


@dataclass(frozen=True)
class TraceRequest:
    """How a model is called: see `trace`. Samples may have been put together from several `inputs`."""

    dt: float = 1.0
    timespans: Sequence[npt.ArrayLike] | None = None
    batch_first: bool | None = True
    inputs: Inputs | None = None


def trace(
    model: torch.nn.Module,
    calibration: Sequence[npt.ArrayLike],
    *,
    dt: float = 1.0,
    timespans: Sequence[npt.ArrayLike] | None = None,
    batch_first: bool | None = True,
) -> Traced:
    """Trace `model` and prove the graph against torch on calibration sequences.

    `calibration` holds arrays (time, *sample_shape), of different lengths if need be; `dt` is the time between two
    samples in the unit of the model's time constants. `timespans`, arrays (time,), hold the time before each sample:
    the model is called with `timespans=`, and the graph's input has one channel more, the last. `batch_first` is what
    was said of the array that the sequences come from: see `in_order`. Raises `TraceError` for what cannot be compiled,
    at the user's line, and `ProofError` where the graph does not compute what torch does.
    """
    return proven_trace(model, calibration, TraceRequest(dt, timespans, batch_first)).traced


_PLAIN = TraceRequest()


def proven_trace(
    model: torch.nn.Module, calibration: Sequence[npt.ArrayLike], asked: TraceRequest = _PLAIN
) -> ProvenTrace:
    """What `trace` does, with the evidence."""
    model, inputs = unwrapped(model), asked.inputs
    sequences = _checked(model, calibration)
    with undisturbed():
        joined = join_timespans(sequences, asked.timespans)
        tokens = are_tokens(model, calibration) if inputs is None else any(one.tokens for one in inputs.each)
        source = ModelSource(model, (len(sequences), *sequences[0].shape), asked.dt, asked.batch_first, inputs, tokens)
        held = None if asked.timespans is None else source.held(joined)
        traced, exact = source.precisely(held)
        if traced.tokens is not None:
            traced.tokens.check(joined)
        own = source.own
        numbers, evidence = _numbers(model, traced, joined[0], exact), None
        try:
            evidence = prove_trace(_subject(model, traced, numbers), joined, exact, own)
        except (OwnArithmeticError, FailsError):
            if exact == own:
                raise
        except DiffersError as error:
            if exact == own or not error.relative < ALLOWED[own]:  # nearer, it may compute a part in its own type
                if not all(answer.readout in ("every", "last") for answer in traced.answers.each):
                    clone = instrumented(model, with_time(model, traced.dt), exact)
                    whole = joined[0][:1].repeat(60, 0)[None]
                    tell_part(error, lambda steps: raw_answers(clone, whole[:, :steps], exact, traced))
                raise
        if evidence is None:
            traced, exact = source.recorded(held, own), own
            evidence = prove_trace(_subject(model, traced, numbers), joined, own, own)
        start = joined[0][: axes.ROWS]
        clone = instrumented(model, with_time(model, traced.dt), exact)
        rows, steps = (_drops(clone, traced, x, exact) for x in (_long(start)[None], np.stack([start[:1]] * axes.ROWS)))
        return ProvenTrace(replace(traced, answers=traced.answers.dropping(rows, steps)), evidence, exact, numbers)


def _long(sequence: Floats) -> Floats:
    """At least two steps."""
    return sequence if len(sequence) > 1 else np.concatenate([sequence, sequence])


def _drops(clone: torch.nn.Module, traced: Traced, x: Floats, dtype: torch.dtype) -> list[bool]:
    """Whether each answer to a single row or step lacks its axis. What torch does not run is not asked."""
    if traced.timed and len(x) > 1:
        x = x[:1]
    try:
        found = raw_answers(clone, x, dtype, traced)
    except Exception:  # a model may want more rows or steps than one: there is no shape to compare with
        return [False] * len(traced.answers.each)
    turned = traced.output_time_first
    pairs = zip(found, traced.answers.each, strict=True)
    return [drops(y.shape, len(x), x.shape[1], answer, time_first=turned) for y, answer in pairs]


def prove_simplified(
    model: torch.nn.Module,
    known: ProvenTrace,
    graph: Graph,
    calibration: Sequence[npt.ArrayLike],
    *,
    timespans: Sequence[npt.ArrayLike] | None = None,
) -> Evidence:
    """Prove `graph`, which the traced one has been simplified to, over many more steps than the calibration has.

    Takes what `proven_trace` was given. Returns all the evidence. Raises `ProofError` that names the first value of the
    traced graph that differs.
    """
    joined = join_timespans(_checked(unwrapped(model), calibration), timespans)
    traced = known.traced
    subject = _subject(unwrapped(model), traced, known.numbers)
    with undisturbed():
        try:
            found = prove_long(replace(subject, graph=graph, checkpoints=()), joined, known.exact, traced.graph)
        except ProofError as error:
            told = isinstance(error, DiffersError) and error.told
            raise (error if told else _named(subject, joined, known.exact) or error) from None
    return known.evidence.joined(found)


def _named(subject: Subject, sequences: Sequence[Floats], exact: torch.dtype) -> ProofError | None:
    """The first difference in the traced graph, which has all the values that torch shows."""
    try:
        prove_long(subject, sequences, exact, subject.graph)
    except ProofError as error:
        return error
    return None


def _subject(model: torch.nn.Module, traced: Traced, numbers: StepNumbers) -> Subject:
    return Subject(model, traced.graph, traced, traced.checkpoints, decisions=traced.decisions, numbers=numbers)


def _numbers(model: torch.nn.Module, traced: Traced, sequence: Floats, dtype: torch.dtype) -> StepNumbers:
    """Those in the code that the model runs; what torch does not run shows in the proof."""
    clone = instrumented(model, with_time(model, traced.dt), dtype)
    return step_numbers(clone, lambda: raw_answers(clone, sequence[None, : axes.STEPS], dtype, traced))


def calling_of(source: ModelSource, timed: Sequence[Floats] | None = None) -> Calling:
    """How a model is called: found out by recording it, without the proof.

    `timed` are sequences (time, channels) whose last channel is the time before each sample, where it is called so.
    """
    with undisturbed():
        return source.recorded(None if timed is None else times_of(timed), source.own)


def calling_like(record: BaseRecord, model: torch.nn.Module, sequences: Sequence[Floats]) -> Calling:
    """How `model` is called, of which `record` was made, for sequences (time, channels) as `record` takes them."""
    shape = (len(sequences), len(sequences[0]), *record.sample_shape)
    source = ModelSource(unwrapped(model), shape, record.dt, inputs=record.inputs, tokens=record.tokens is not None)
    return calling_of(source, sequences if record.timed else None)


def are_tokens(model: torch.nn.Module, sequences: Sequence[npt.ArrayLike]) -> bool:
    """Whether samples are looked up: they are of an integer type, and the model has an `nn.Embedding`."""
    return looks_up(model) and all(np.issubdtype(np.asarray(s).dtype, np.integer) for s in sequences)


def _checked(model: torch.nn.Module, calibration: Sequence[npt.ArrayLike]) -> list[Floats]:
    given = [np.asarray(s) for s in calibration]
    sequences = [s.astype(np.float64) for s in given]
    tokens = all(np.issubdtype(s.dtype, np.integer) for s in given)  # which have no axis of their own
    least = 1 if tokens or has_time_alone(model, given) else 2
    if not sequences:
        raise InputError("the calibration is empty", advice="Give at least one sequence (time, features).")
    shape = sequences[0].shape[1:]
    for number, sequence in enumerate(sequences):
        if sequence.ndim < least or len(sequence) == 0 or sequence.shape[1:] != shape:
            raise InputError(
                f"calibration sequence {number} has the wrong shape",
                numbers=f"{sequence.shape}, expected (time, {', '.join(map(str, shape)) or 'features'})",
                advice="Give arrays (time, features) with at least one time step.",
            )
        check_numbers(sequence, f"calibration sequence {number}", ("sample",))
    return sequences
