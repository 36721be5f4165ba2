"""One run of a compiled network on one executor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np

from compiler.interpreters.execution import Clip
from compiler.mapping.options import Options
from compiler.running.executor import Compiles, Executor, InputRounding, Job, RoundedRun, Runner, Shows, States
from compiler.running.interpreted import REFERENCE
from hw_models.arguments import check_count
from hw_models.arrays import Floats
from hw_models.errors import BUG, GraphError, InputError
from ltc2neuro.compiled.clipped import ChannelRanges, Clipped, input_tallies, shorter, with_extremes
from ltc2neuro.compiled.default_executor import usual
from ltc2neuro.compiled.initial_states import GivenStates, as_reals, as_rows, state_integers, tell_clipped
from ltc2neuro.compiled.parts import BaseParts
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.compiled.run import Counted, Executed, Run
from ltc2neuro.inputs.arguments import check_options
from ltc2neuro.inputs.arrays import Sequences

AnyParts: TypeAlias = BaseParts[BaseRecord, Any]
"""of either kind of network; executors alone know what they take of one"""

INPUT = "input"
"""Under which saturations of the input are counted"""


@dataclass(frozen=True)
class RunRequest:
    """What a run is to `record`, how the network is mapped, and on how many `threads` it is computed at most."""

    record: Sequence[str] = ()
    options: Options | None = None
    threads: int | None = None


PLAIN = RunRequest()


def run_network(
    parts: AnyParts, x: Sequences, on: str | None = None, state: GivenStates | None = None, asked: RunRequest = PLAIN
) -> Run:
    """Run `x` on the executor `on`, or on the usual one; sequences of equal length side by side."""
    executor = parts.executor(usual(parts, x.arrays) if on is None else on)
    _check(parts, executor, x, asked)
    wanted = parts.names.matching(asked.record)
    _refuse(parts.record, executor, wanted, state)
    parts.runners.on(executor)  # where it cannot run here, that is said first
    start, counts = (None, {}) if state is None else _started(parts.record, state, len(x.arrays), executor)
    values = parts.names.recorded_values(wanted) if executor.shows is Shows.VALUES else ()
    groups: list[_RunGroup] = []
    for group, given in x.side_by_side():
        batch, run = parts.record.entering(given), ready(parts, executor, len(group), values)
        own = None if start is None else {n: s[group] for n, s in start.items()}
        made = _executed(parts.record, executor, run, Job(batch, own, values, asked.options, asked.threads))
        shown = parts.names.shown_record(made.execution, wanted, given) if wanted else {}
        groups.append(_RunGroup(group, own, made, batch.reshape(-1, batch.shape[2]), shown))
    beyond = sum((g.made.clipped for g in groups), np.zeros(parts.record.enters.host.scale.size, np.int64))
    inside: dict[str, Clip] = {}
    for group in groups:
        for name, count in group.made.execution.saturations.items():
            label = parts.names.shown_name(name)
            counts[label] = counts.get(label, 0) + count
        for name, clip in group.made.execution.clips.items():
            inside[name] = inside[name].joined(clip) if name in inside else clip
    if beyond.any():
        counts[INPUT] = counts.get(INPUT, 0) + int(beyond.sum())
    executions, arrays = tuple((g.sequences, g.made.execution) for g in groups), [g.array for g in groups]
    made = Executed(executions, x, executor.integers, parts.record.leaves, parts.record.state_words)
    counted = Counted(beyond + shorter(arrays, parts.record.shortest_span), inside)
    states = lambda name: [e.states[name] * parts.host.state_lsb(name) for _, e in executions]  # noqa: E731
    clipped = clipped_from(parts, counted, Reached(sum(map(len, arrays)), arrays, states), integers=executor.integers)
    recorded = {n: made.laid([g.shown[n] for g in groups]) for n in wanted}
    entered = tuple((g.made.samples, g.state) for g in groups)
    return Run(executor.name, recorded, counts, made, clipped, counted, entered)


def run_reference(parts: AnyParts, x: Sequences, state: GivenStates | None = None, record: Sequence[str] = ()) -> Run:
    """Run `x` on the reference, which every kind of network has."""
    return run_network(parts, x, REFERENCE.name, state, RunRequest(record))


@dataclass(frozen=True, eq=False)
class _RunGroup:
    """Sequences of one length, which ran side by side."""

    sequences: list[int]
    state: States | None
    made: RoundedRun
    array: Floats
    """what entered, (samples, channels)"""
    shown: Mapping[str, Floats]


def _check(parts: AnyParts, executor: Executor[Any], x: Sequences, asked: RunRequest) -> None:
    check_options(asked.options)
    if asked.threads is not None:
        check_count(asked.threads, "threads")
    if not x.arrays and not x.ragged:
        raise InputError("x holds no sequence", advice="Give a batch of at least one sequence.")
    if asked.options is not None and not executor.mapped:
        mapped = [e.name for e in parts.executors.values() if e.mapped]
        advice = (
            f"Run it on {' or '.join(mapped)}."
            if mapped
            else "Leave them out: they are of mapped networks, which need microcode."
        )
        raise InputError(f"{executor.name!r} does not run the mapped network", where="options", advice=advice)


def _executed(record: BaseRecord, executor: Executor[Any], run: Runner, job: Job) -> RoundedRun:
    """A job whose samples are real, as the executor takes it."""
    if executor.integers and executor.compiles:
        return cast(Compiles, run).run_real(job, InputRounding(record.enters.quantize, record.ends))
    x = np.asarray(job.x, np.float64)
    if executor.integers:
        samples, clipped = record.enters.quantize(x)
    else:
        samples, clipped = record.enters.scaled(x), np.zeros(job.x.shape[2], np.int64)
    return RoundedRun(samples, clipped, run(replace(job, x=samples)))


def ready(parts: AnyParts, executor: Executor[Any], rows: int = 1, record: Sequence[str] = ()) -> Runner:
    """The executor, ready to run so many sequences and to record these values of the graph. What it compiles for such
    runs must return the known answer first, in each of as many sequences.

    Raises `GraphError` where it does not.
    """
    known, run = parts.record.known, parts.runners.on(executor)
    if not executor.compiles or not known.integers.size:  # without an answer it is still being compiled
        return run
    code = executor, cast(Compiles, run).kind(rows, record)  # a check of a protocol takes as long as a sample
    if code in parts.runners.replayed:
        return run
    samples, _ = parts.record.enters.quantize(parts.record.entering(known.x))
    found = run(Job(np.repeat(samples, min(rows, executor.part), axis=0), record=record))
    pairs = [(found.outputs, known.integers), *((found.states[name], states) for name, states in known.states.items())]
    if not all(np.array_equal(got, np.broadcast_to(stored, got.shape)) for got, stored in pairs):
        raise GraphError(
            f"{executor.name!r} does not return this network's known answer",
            numbers=f"{known.x.shape[1]} samples that the file holds, with the integers of the reference",
            advice=f"Run it on {REFERENCE.name!r}. {BUG}",
        )
    parts.runners.replayed.add(code)
    return run


@dataclass(frozen=True)
class Reached:
    """How far channels and states went in so many samples: what entered, (samples, channels), and states (..., size)
    in the model's units: all of them, or the least and most of each."""

    samples: int
    arrays: Sequence[np.ndarray]
    states: Callable[[str], Sequence[np.ndarray]]


def clipped_from(parts: AnyParts, counted: Counted, reached: Reached, *, integers: bool = True) -> Clipped:
    """What was clipped; real values, no `integers`, clip only time spans."""
    record = parts.record
    ends = record.enters.user_range if integers else (-np.inf, np.inf)
    shape, inputs = (record.sample_shape, record.inputs) if record.tokens is None else ((), None)
    channels = ChannelRanges(ends, record.shortest_span, shape, inputs)
    tallies = list(input_tallies(reached.arrays, counted.entering, channels))
    found, values = parts.tallies(counted.inside)
    tallies += [with_extremes(tally, reached.states(name)) for name, tally in found.items()]
    return Clipped(reached.samples, (*tallies, *values))


def counting_run(parts: AnyParts, x: Sequences, run: Run, state: GivenStates | None) -> Run:
    """The run that tells what `run` of `x` clipped.

    Where the executor counts nothing inside, it is one of the reference, which computes the same integers.
    """
    if parts.executor(run.on).counts or not parts.may_clip:
        return run
    return run_reference(parts, x, state)


def clipped_of(parts: AnyParts, x: Sequences, run: Run, state: GivenStates | None) -> Clipped:
    """What `run` of `x` clipped."""
    return counting_run(parts, x, run, state).clipped


def _refuse(record: BaseRecord, executor: Executor, wanted: Sequence[str], state: GivenStates | None) -> None:
    """Raise `InputError` for what an executor cannot show, or start from."""
    elsewhere = f"Record values on {REFERENCE.name!r}: it computes the same integers."
    if state is not None and not executor.starts:
        raise InputError(
            f"{executor.name!r} starts from the initial states only",
            where="state",
            advice=f"Leave the state out, or run on {REFERENCE.name!r}: it computes the same integers.",
        )
    if wanted and executor.shows is Shows.NOTHING:
        raise InputError(f"{executor.name!r} shows outputs only", where=", ".join(wanted), advice=elsewhere)
    states = record.state_words
    values = [name for name in wanted if name not in states]
    if values and executor.shows is Shows.STATES:
        raise InputError(
            f"{executor.name!r} records states only",
            where=", ".join(values),
            advice=f"Record {', '.join(sorted(states)) or 'nothing'} on {executor.name!r}. {elsewhere}",
        )


def _started(record: BaseRecord, state: GivenStates, batch: int, executor: Executor) -> tuple[States, dict[str, int]]:
    """The state handed in, as the executor takes it, and how many of its values were clipped."""
    words = record.given
    rows = as_rows(state, words, batch)
    if not executor.integers:
        return as_reals(rows, words), {}
    integers, clipped = state_integers(rows, words)
    tell_clipped(clipped, rows, words, stacklevel=4)
    return integers, clipped
