"""`verify`: does the compiled network still do its job, do all executors agree, and where does the error come from?

It passes when every executor returns the reference's integers, the model is still the one that was compiled, and the
user's limits hold. Everything else in its rows is there to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from compiler.running.interpreted import REFERENCE
from hw_models.arguments import check_names
from hw_models.errors import InputError
from ltc2neuro import metrics
from ltc2neuro.compiled.clipped import Clipped
from ltc2neuro.compiled.microcode import compiled
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.record import KnownAnswer
from ltc2neuro.compiled.run import Run
from ltc2neuro.compiled.runs import AnyParts, run_network, run_reference
from ltc2neuro.compiled.time_constants import tau_name
from ltc2neuro.frontends.keras.model_argument import entered, prove_entered
from ltc2neuro.inputs.arrays import Samples, Sequences
from ltc2neuro.inputs.layout import BATCH_FIRST
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.metrics import Metric
from ltc2neuro.progressing import begin, shown_stages
from ltc2neuro.verification.fidelity import agreement, fidelity, find_truth, time_constants
from ltc2neuro.verification.task_metric import Targets, TaskMetric, check_limits, task_metrics
from ltc2neuro.verification.verdict import Row, Verification

if TYPE_CHECKING:
    import torch

SAME = "executors return the reference's integers"

Recordings: TypeAlias = "list[np.ndarray]"


def verify(
    net: BaseNetwork,
    model: torch.nn.Module | None,
    x: Inlet | None = None,
    targets: Targets | None = None,
    metric: str | Metric | None = None,
    on: Sequence[str] | None = None,
    min_sqnr: float | None = None,
    max_metric_change: float | None = None,
    timespans: Samples | None = None,
    max_clipped: float | None = None,
) -> Verification:
    """Compare torch, the float graph, the reference and every other executor on the user's data.

    `x` is (batch, time, features), or as the network's `layout` says, or a list of (time, features); None replays the
    stored known-answer sequence.
    `model` None compares with the stored float graph. `on` None takes every executor installed, and names those that
    are missing. `metric` is "accuracy", "mse", "mae", "correlation" or a function of outputs and targets in the model's
    shape.
    `min_sqnr` (dB) holds for the worst channel of the outputs and of every state: `metrics.channel_sqnr` says what it
    is of. `max_metric_change` is a fraction: relative for mse and mae, absolute for accuracy and for a function of your
    own. Of several answers, `targets` are a tuple or dict of those to be measured.
    `max_clipped` is the largest share, such as 0.001, of an input channel, of the time spans, or of an element of
    a state or an inner value, that may be clipped to its calibrated range. `timespans` go with `x`: see `run`.
    """
    parts = compiled(net, "verify").parts
    given, model = model, None if model is None else entered(model)
    if on is not None:
        check_names(on, "on")
    check_limits(metric, min_sqnr, max_metric_change, max_clipped)
    if x is None:
        sequences = Sequences(tuple(net.known.x), ragged=False)
    else:
        sequences = replace(parts.host.sequences(x, timespans), layout=BATCH_FIRST)
    if not sequences.arrays or any(not len(a) for a in sequences.arrays):
        raise InputError("there is nothing to verify on", advice="Give at least one sequence with one sample.")
    if model is not None and given is not None:
        samples = [net.samples(a) for a in sequences.arrays]
        prove_entered(model, given, samples, net)
    tasks = task_metrics(net, sequences, targets, metric)
    with shown_stages("verify", 3 + len(parts.compared if on is None else on)):
        begin(f"running on {REFERENCE.name}")
        taus = [tau_name(state) for state in net.held_time_constants]
        reference = run_reference(parts, sequences, record=taus)
        rows = _known_answer(net.known, reference) if x is None else []
        rows += _executors(parts, sequences, reference, on)
        begin("running the float network")
        truth = find_truth(parts, model, sequences)
        begin("comparing")
        if model is not None and truth.calling is not None:
            rows.append(agreement(net, model, sequences, truth.calling))
        rows += fidelity(parts, truth, sequences, reference, min_sqnr)
        answers = parts.host.answers(reference.outputs)
        for task in tasks:
            rows += _metric(task, task.score(truth.answers), task.score(answers), max_metric_change)
        rows += _clipped(reference.clipped.titled(parts.titles, 0), max_clipped)
        titles, counts = parts.titles(reference.saturations), reference.saturations
        rows += [Row("saturations", titles[name], REFERENCE.name, count) for name, count in counts.items()]
        rows += time_constants(net, sequences, truth, reference)
    return Verification(all(row.held is not False for row in rows), tuple(rows))


def _clipped(clipped: Clipped, limit: float | None) -> list[Row]:
    """The largest share of each vector that was clipped; where a limit is asked for, of all together at least."""
    check = "share of values clipped to their calibrated range"
    found = [(name, share, note) for name, share, note in clipped.rows() if share > 0]
    if limit is None:
        return [Row(check, name, REFERENCE.name, share, note=note) for name, share, note in found]
    found = found or [("input, time spans, states", 0.0, "")]
    return [
        Row(check, name, REFERENCE.name, share, "", limit, bool(share <= limit), note) for name, share, note in found
    ]


# --- do the executors agree? -----------------------------------------------------------------------------


def _known_answer(known: KnownAnswer, reference: Run) -> list[Row]:
    """The reference against the integers in the artifact."""
    pairs = [("outputs", reference.integers, known.integers)]
    pairs += [(n, reference.states[n], s) for n, s in known.states.items()]
    return [
        _compared(Row("known answer", n, REFERENCE.name), _listed(got), _listed(stored)) for n, got, stored in pairs
    ]


def _executors(parts: AnyParts, x: Sequences, reference: Run, on: Sequence[str] | None) -> list[Row]:
    """Every integer executor against the reference."""
    rows: list[Row] = []
    wanted = None if on is None else [parts.executor(name) for name in check_names(on, "on")]
    for executor in parts.compared if wanted is None else wanted:
        name = executor.name
        if name == reference.on or not executor.integers:
            continue
        missing = executor.missing(parts.record.chip)
        if missing and wanted is None:
            rows.append(Row(SAME, name, name, note=f"not run: {missing}"))
            continue
        part, note = (x, "") if executor.samples is None else first_samples(x, executor.samples)
        begin(f"running on {name}")
        run = run_network(parts, part, name)
        expected = run_reference(parts, part) if note else reference
        pairs = [("outputs", run.integers, expected.integers)]
        pairs += [(n, run.states[n], expected.states[n]) for n in run.states]
        rows += [_compared(Row(SAME, n, name, note=note), _listed(got), _listed(right)) for n, got, right in pairs]
        if executor.counts:
            rows.append(_same_counts(Row(SAME, "saturations", name, note=note), run, expected))
    return rows


def _same_counts(row: Row, run: Run, expected: Run) -> Row:
    """Warnings and `max_clipped` rely on what an executor counts."""
    got, right = _counts(run), _counts(expected)
    for name in sorted(got | right):
        if got.get(name) != right.get(name):
            return replace(row, held=False, note=f"{name}: {got.get(name, 0)}, not {right.get(name, 0)}")
    return replace(row, held=True, note=f"equal {row.note}".strip())


def _counts(run: Run) -> dict[str, int | list[int]]:
    """How often each value was clipped, and each element of what warnings are about."""
    return {**run.saturations, **{t.name: t.counts.tolist() for t in run.clipped.tallies}}


def first_samples(x: Sequences, enough: int) -> tuple[Sequences, str]:
    """The first sequences that make up about this many samples, none longer than that, and a note of what is left."""
    count = int(min(len(x.arrays), np.searchsorted(np.cumsum([len(a) for a in x.arrays]), enough) + 1))
    longest = max(len(a) for a in x.arrays[:count])
    part = Sequences(tuple(a[:enough] for a in x.arrays[:count]), x.ragged)
    samples = f"the first {enough:,} of {longest:,} samples" if longest > enough else ""
    sequences = f"the first {count} of {len(x.arrays)} sequences" if count < len(x.arrays) else ""
    return part, f"on {' of '.join(filter(None, (samples, sequences)))}" if samples or sequences else ""


def _compared(row: Row, got: Recordings, expected: Recordings) -> Row:
    for i, (g, e) in enumerate(zip(got, expected, strict=True)):
        if g.shape != e.shape:
            return replace(row, held=False, note=f"sequence {i}: shape {g.shape}, not {e.shape}")
        if not np.array_equal(g, e):
            time, element = np.argwhere(g != e)[0]
            first = f"sequence {i}, time {time}, element {element}: {g[time, element]}, not {e[time, element]}"
            return replace(row, held=False, note=f"first difference at {first}")
    return replace(row, held=True, note=f"equal {row.note}".strip())


def _listed(values: Iterable[object] | None) -> Recordings:
    """One array a sequence."""
    assert values is not None  # only a run on reals has no integers
    return [np.asarray(v) for v in values]


# --- does it still do its task? --------------------------------------------------------------------------


def _metric(task: TaskMetric, before: float, after: float, limit: float | None) -> list[Row]:
    change = metrics.change(task.metric, before, after)
    held = None if limit is None else bool(change <= limit)
    return [
        Row("task metric", f"{task.name}, float", "float", before),
        Row("task metric", f"{task.name}, integer", REFERENCE.name, after),
        Row("task metric", f"change of {task.name}", REFERENCE.name, change, "", limit, held),
    ]
