"""What is done with one chunk: run, compared with the float network, counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from compiler.interpreters.float64 import run_each
from compiler.placement.activity import Sent
from hw_models.arrays import Floats
from hw_models.errors import Ltc2NeuroError
from ltc2neuro.compiled.default_executor import WORTH, fastest, float_work, usual
from ltc2neuro.compiled.microcode import of_programs
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.compiled.run import Run
from ltc2neuro.compiled.runs import INPUT, AnyParts, RunRequest, counting_run, run_network
from ltc2neuro.cost.costing import count_run
from ltc2neuro.evaluation.chunks import Chunk
from ltc2neuro.evaluation.scores import Score, metric_of_sums, score
from ltc2neuro.evaluation.sqnr_sums import level_of_sequences
from ltc2neuro.evaluation.totals import Totals, clips_of, extremes_of
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.metrics import Metric, identity_of

MESSAGES = "messages"
"""Under which they are counted"""


@dataclass(frozen=True)
class Sought:
    """What is to be found: metrics by their names, on which executor, whether beside the float network, and whether
    messages are counted."""

    metrics: Mapping[str, str | Metric]
    on: str | None
    compared: bool
    activity: bool


def measured(parts: AnyParts, chunk: Chunk, asked: Sought, threads: int | None = None) -> Totals:
    """All that is counted of a chunk. Raises `InputError` that tells which sequences, where it is of their data."""
    try:
        return _measured(parts, chunk, asked, threads)
    except Ltc2NeuroError as error:
        error.where = f"{chunk}; {error.where}" if error.where else str(chunk)
        raise


def _measured(parts: AnyParts, chunk: Chunk, asked: Sought, threads: int | None) -> Totals:
    record, arrays = parts.record, tuple(np.asarray(s.x, np.float64) for s in chunk.examples)
    x, entering = Sequences(arrays, ragged=True), [record.entering(a) for a in arrays]
    run = run_network(parts, x, asked.on or _fast(parts, arrays), asked=RunRequest(threads=threads))
    told = counting_run(parts, x, run, None)
    assert told.counted is not None  # every run tells
    answers, states = parts.host.answers(run.outputs), _states(parts, told)
    compared: dict[str, Mapping] = {}
    if asked.compared:
        executions = run_each(record.float_graph, entering)
        exact = parts.host.answers(e.outputs[0] for e in executions)
        pairs = zip(record.answers.each, *map(record.answers.by_channel, (exact, answers)), strict=True)
        levels = {answer.row: level_of_sequences(*both) for answer, *both in pairs}
        levels |= {
            n: level_of_sequences([e.states[n][0] for e in executions], states[n]) for n in _compared(record, states)
        }
        compared = {"levels": levels, "float_scores": _scores(record, chunk, asked, exact)}
    return Totals(
        sequences=len(arrays),
        samples=sum(map(len, arrays)),
        scores=_scores(record, chunk, asked, answers),
        saturations=told.saturations,
        beyond={str(i): int(told.counted.entering[i]) for i in np.flatnonzero(told.counted.entering)},
        clips={name: clips_of(clip) for name, clip in told.counted.inside.items()},
        extremes={INPUT: extremes_of(entering), **{of_state(n): extremes_of(s) for n, s in states.items()}},
        messages=_messages(parts, run) if asked.activity else {},
        on={run.on: len(arrays)},
        **compared,
    )


_spent: WeakKeyDictionary[AnyParts, float] = WeakKeyDictionary()
"""What this process has computed of each network, in elements"""


def _fast(parts: AnyParts, arrays: Sequence[Floats]) -> str:
    """The executor for a chunk of many: one that compiles pays once all chunks so far would have been worth it."""
    _spent[parts] = _spent.get(parts, 0.0) + float_work(parts.record.float_graph, arrays)
    return fastest(parts) if _spent[parts] >= WORTH else usual(parts, arrays)


def of_state(name: str) -> str:
    """Under which name the extremes of a state are."""
    return f"state {name}"


def _states(parts: AnyParts, run: Run) -> dict[str, list[Floats]]:
    """Each state of every sequence (time, size), in the model's units; none where the executor shows none."""
    return {name: [s * parts.host.state_lsb(name) for s in states] for name, states in run.states.items()}


def _compared(record: BaseRecord, states: Mapping[str, list[Floats]]) -> list[str]:
    return [state.name for state in record.model_states if state.name in states]


def tasks(record: BaseRecord, asked: Sought) -> dict[str, tuple[int, str | Metric]]:
    """Each metric of each answer by what it is called, with the number of the answer."""
    of = [f" of {name}" if record.answers.several else "" for name in record.answers.names]
    return {name + of[n]: (n, metric) for n in range(len(of)) for name, metric in asked.metrics.items()}


def functions_of(asked: Sought) -> Sought:
    """The user's functions alone, of the integers."""
    own = {name: metric for name, metric in asked.metrics.items() if not isinstance(metric, str)}
    return Sought(own, None, compared=False, activity=False)


def told_of(record: BaseRecord, asked: Sought, found: Totals) -> dict[str, str]:
    """What the user's functions say of the integers' answers to a chunk: another's journal is told by that."""
    own = {name: metric for name, (_, metric) in tasks(record, functions_of(asked)).items() if name in found.scores}
    scores = {name: replace(found.scores[name], lost=0) for name in own}
    return {name: identity_of(metric, metric_of_sums(metric, scores[name])) for name, metric in own.items()}


def _scores(record: BaseRecord, chunk: Chunk, asked: Sought, answers: Sequence[Sequence[Floats]]) -> dict[str, Score]:
    """Each metric, of each answer that has targets."""
    found: dict[str, Score] = {}
    for name, (number, metric) in tasks(record, asked).items():
        targets = [t for e in chunk.examples if (t := e.targets[number]) is not None]
        axis = record.layout.batch_axis(stepped=record.answers.each[number].stepped)
        if targets:
            found[name] = score(metric, [each[number] for each in answers], targets, axis)
    return found


def _messages(parts: AnyParts, run: Run) -> dict[str, Sent]:
    counted = of_programs(parts, "counting messages")
    return {MESSAGES: count_run(counted, run, counted.prepared.placed())}
