"""`evaluate`: a network on a data set of any size, here or on many machines, with the same result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from hw_models.arguments import check_flag
from hw_models.errors import InputError
from ltc2neuro import metrics
from ltc2neuro.compiled.clipped import tell
from ltc2neuro.compiled.microcode import compiled, of_programs
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.run import Counted
from ltc2neuro.compiled.runs import INPUT, AnyParts, Reached, clipped_from
from ltc2neuro.evaluation.batches import sequences_of
from ltc2neuro.evaluation.chunks import Chunk, chunks
from ltc2neuro.evaluation.distribution import distributed
from ltc2neuro.evaluation.evaluation import Evaluation, Fidelity, Measure
from ltc2neuro.evaluation.journal import Journal
from ltc2neuro.evaluation.pools import WorkerPool
from ltc2neuro.evaluation.scores import metric_of_sums
from ltc2neuro.evaluation.sources import Data, source_of
from ltc2neuro.evaluation.sqnr_sums import Level
from ltc2neuro.evaluation.totals import Totals
from ltc2neuro.evaluation.work import MESSAGES, Sought, functions_of, measured, of_state, tasks, told_of
from ltc2neuro.evaluation.workers import packed
from ltc2neuro.metrics import Metric, worst_channel
from ltc2neuro.progressing import sequences
from ltc2neuro.version import __version__


def evaluate(
    net: BaseNetwork,
    data: Data,
    metric: str | Metric | Sequence[str | Metric] | None = None,
    targets: object = None,
    executor: WorkerPool | None = None,
    *,
    timespans: object = None,
    on: str | None = None,
    against_float: bool = True,
    activity: bool = False,
    journal: str | Path | None = None,
    progress: bool = True,
) -> Evaluation:
    """A network on a data set that need not fit the memory: metrics, SQNR, what was clipped, what was sent.

    `data` are samples as `net.run` takes them, also mapped into memory; the path of a `.npy` or `.npz` file, or of a
    folder of `.npz` files with arrays x, targets and timespans; or whatever makes batches, also a list of them: x,
    (x, targets), or dicts of these names. `targets` and `timespans` go with arrays, sequence by sequence, and may be
    paths; of files and dicts `targets` may be the name of the array.

    `metric` is "accuracy", "mse", "mae", "correlation", a function, or several. A function is called with outputs and
    targets of one sequence, batched as the model's; the mean over sequences is reported. `against_float=False` leaves
    out the float network, and with it SQNR: that takes most of the time. `activity` counts the messages that are sent,
    tick by tick, for `net.cost`.

    `executor` is one of `concurrent.futures`, or a Client of Dask: docs/evaluate.md. `journal` names a JSON file from
    which a run that was broken off goes on. The result is the same however the work is split, resumed or shared.

    Raises `InputError` for data, targets and metrics that do not fit, `WorkerError` where workers are lost.
    """
    check_flag(progress, "progress")
    parts = compiled(net, "evaluate").parts
    asked = _asked(parts, metric, on, against_float=against_float, activity=activity)
    source = source_of(parts, data, targets, timespans, wanted=bool(asked.metrics))
    parcel = None if executor is None and journal is None else packed(net)
    kept = Journal(journal, lambda found: told_of(parts.record, asked, found))
    if parcel is not None:
        kept.check_of({"network": parcel.digest[:16], **_told(asked)})
    resumed, seen = kept.totals.sequences, 0

    with sequences(source.count, wanted=progress) as shown:

        def todo() -> Iterator[Chunk]:
            nonlocal seen
            for chunk in chunks((one for batch in source.batches for one in sequences_of(parts, batch)), parts.record):
                seen += 1
                if kept.has(chunk):
                    if kept.unproved(chunk):
                        kept.prove(chunk, measured(parts, chunk, functions_of(asked)))
                    shown.update(len(chunk.examples))
                else:
                    yield chunk

        if executor is None or parcel is None:
            results = ((chunk, measured(parts, chunk, asked)) for chunk in todo())
        else:
            results = distributed(executor, parcel, todo(), asked)
        try:
            for chunk, found in results:
                kept.add(chunk, found)
                shown.update(len(chunk.examples))
            kept.check_end(seen)
        finally:
            kept.write()
    if not kept.totals.sequences:
        raise InputError("there is nothing to evaluate", advice="Give at least one sequence.")
    found = _evaluation(parts, kept.totals, asked, resumed)
    tell(found.clipped.titled(parts.titles), strict=False, stacklevel=2)
    return found


def _asked(
    parts: AnyParts,
    metric: str | Metric | Sequence[str | Metric] | None,
    on: str | None,
    *,
    against_float: bool,
    activity: bool,
) -> Sought:
    """What is to be measured, checked. Raises `InputError`."""
    for name, flag in (("against_float", against_float), ("activity", activity)):
        check_flag(flag, name)
    if activity:
        counted = of_programs(parts, "counting messages", "leave activity=True out")
        counted.prepared.placed()  # where it does not fit its chip, that is said now
    return Sought(_by_name(metric), _checked(parts, on), against_float, activity)


def _by_name(metric: str | Metric | Sequence[str | Metric] | None) -> dict[str, str | Metric]:
    """Each metric by its name. Raises `InputError`."""
    if metric is None:
        return {}
    if not isinstance(metric, (str, list, tuple)) and not callable(metric):
        metrics.metric_of(cast("str", metric))  # it says what there is
    given = [metric] if isinstance(metric, str) or callable(metric) else metric
    found: dict[str, str | Metric] = {}
    for one in given:
        metrics.metric_of(one)
        name = one if isinstance(one, str) else getattr(one, "__name__", type(one).__name__)
        if name in found:
            raise InputError(f"two metrics are called {name}", advice="Give each a name of its own.")
        found[name] = one
    return found


def _checked(parts: AnyParts, on: str | None) -> str | None:
    """The executor's name. Raises `InputError` unless it is None, or one of integers."""
    if on is not None and not parts.executor(on).integers:
        raise InputError(f"{on!r} computes no integers", where="on", advice="Leave it out.")
    return on


def _told(asked: Sought) -> dict[str, str]:
    """What is asked for, to be told from other questions."""
    return {
        "metric": ", ".join(sorted(n if isinstance(m, str) else f"the function {n}" for n, m in asked.metrics.items()))
        or "none",
        "on": str(asked.on),
        "against_float": str(asked.compared),
        "activity": str(asked.activity),
        "version": __version__,
    }


def _evaluation(parts: AnyParts, totals: Totals, asked: Sought, resumed: int) -> Evaluation:
    """What the totals tell."""
    measures = {
        name: Measure(*(metric_of_sums(metric, s[name]) for s in (totals.scores, totals.float_scores) if name in s))
        for name, (_, metric) in tasks(parts.record, asked).items()
        if name in totals.scores
    }
    entering = np.zeros(parts.record.enters.host.scale.size, np.int64)
    for channel, count in totals.beyond.items():
        entering[int(channel)] = count
    counted = Counted(entering, {name: clips.clip for name, clips in totals.clips.items()})
    rows = [totals.extremes[INPUT].rows]
    reached = Reached(totals.samples, rows, lambda name: [totals.extremes[of_state(name)].rows])
    clipped = clipped_from(parts, counted, reached)
    return Evaluation(
        totals.sequences,
        totals.samples,
        measures,
        {name: _fidelity(level) for name, level in totals.levels.items()},
        totals.saturations,
        clipped,
        totals.messages.get(MESSAGES),
        totals.on,
        resumed,
    )


def _fidelity(level: Level) -> Fidelity:
    found = level.decibels()
    return Fidelity(tuple(found.tolist()), worst_channel(found).channel)
