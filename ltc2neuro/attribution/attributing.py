"""`attribute`: the error of a network's integers by value and by cause, measured on data.

Each loss is measured in two orders: alone, with all others lifted, and lifted, with all others kept. Where losses are
independent both say the same, and add up in power to the whole.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from compiler.attribution.sites import Cause, Site
from compiler.attribution.switched import Switched
from compiler.graph.workload import work as work_of
from compiler.interpreters.float64 import run_float
from hw_models.arguments import is_real
from hw_models.errors import InputError
from ltc2neuro import metrics
from ltc2neuro.attribution.attribution import Attribution, Passed, Share, Solved, Whole
from ltc2neuro.attribution.measuring import Bench, MeasuredTargets, power, together
from ltc2neuro.compiled.default_executor import CALL
from ltc2neuro.compiled.microcode import with_microcode
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.requantized import with_origin
from ltc2neuro.compiled.tuned_constants import TUNED, was_tuned
from ltc2neuro.frontends.keras.model_argument import entered
from ltc2neuro.inputs.arrays import Samples, Sequences
from ltc2neuro.inputs.layout import BATCH_FIRST
from ltc2neuro.inputs.several import Inlet
from ltc2neuro.metrics import Metric
from ltc2neuro.progressing import begin, shown_stages
from ltc2neuro.verification.fidelity import agreement, find_truth
from ltc2neuro.verification.task_metric import Targets, task_metrics
from ltc2neuro.verification.verifying import first_samples

if TYPE_CHECKING:
    import torch

WORK = 2e9
"""Elements of all runs together: more sequences than that are not measured. It is some seconds."""
PAIR = 1.5
"""What a loss alone and lifted takes, in runs of the reference: most is pruned where nearly all is lifted"""
LEAST, FEW = 100, 4
"""So many steps and sequences are measured, whatever that takes"""
LIGHT = 25.0
"""In dB: losses that are so far below the whole in a sample by itself are measured together"""
COMPARED = 200
"""Samples on which the model must answer as the float network does"""
LOOKED_AT = 4
"""Sequences in which the first error is looked for"""


def attribute(
    net: BaseNetwork,
    x: Inlet,
    targets: Targets | None = None,
    metric: str | Metric | None = None,
    *,
    model: torch.nn.Module | None = None,
    timespans: Samples | None = None,
    calibration: Inlet | None = None,
    limit: float = 0.01,
    work: float | None = None,
) -> Attribution:
    """Split the error of outputs and of each state by value and by cause.

    `x`, `timespans`, `targets` and `metric` are as for `verify`. `limit` is the part of a value's largest magnitude
    that its error must pass to be reported as the first. Of many or long sequences some are measured, evenly chosen:
    `work` elements of all runs together, some seconds.
    With the `model`, each of its cells that solves a differential equation in steps is compared with SciPy's solution.
    A network that was read from a file needs the `calibration` that it was compiled with, with time spans as in a tuple
    (x, timespans); without, it is quantized again on `x`, and the note says so.

    Raises `InputError` for wrong arguments, and for a network without microcode.
    """
    given = with_microcode(net, "attribute")
    if not is_real(limit) or not limit > 0:
        raise InputError("limit must be a positive number", numbers=f"limit = {limit!r}")
    if work is not None and (not is_real(work) or not work > 0):
        raise InputError("work must be a positive number", numbers=f"work = {work!r}")
    sequences = replace(given.host.sequences(x, timespans), layout=BATCH_FIRST)
    if not sequences.arrays or any(not len(a) for a in sequences.arrays):
        raise InputError("there is nothing to measure", advice="Give at least one sequence with one sample.")
    tasks = task_metrics(given.record, sequences, targets, metric)
    own = sequences if calibration is None else given.host.sequences(calibration, None)
    record, note = with_origin(given.record, own, "x" if calibration is None else "calibration")
    parts = given if record is given.record else Parts.of(record)
    assert record.proven.lowered is not None
    bench = Bench(parts, Switched(record.proven, record.proven.lowered), sequences, tasks)
    with shown_stages("attribute", 2 + len(Cause) + (model is not None)):
        equations = () if model is None else _equations(model, parts, sequences)
        begin("one sample alone")
        singly = Singly.of(bench)
        begin("the whole")
        pairs = len(singly.weighty) + len(Cause)
        chosen, steps = _chosen(parts, sequences, pairs, WORK if work is None else work, whole=bool(tasks))
        part = bench.part(chosen, steps)
        found = _attributed(part, singly, limit, bench)
    values = [r.value for r in found.rows if r.field]
    titles = given.titles(dict.fromkeys(values if found.first is None else [*values, found.first.value]))
    rows = tuple(replace(r, title=titles.get(r.value, r.value)) for r in found.rows)
    first = found.first and replace(found.first, sequence=chosen[found.first.sequence], title=titles[found.first.value])
    if note:
        own = Bench(given, bench.switched, sequences).executed()
        note, found = (
            f"{note}. On these data the file's has {own:.1f} dB, this one {found.of_all:.1f} dB",
            replace(found, of_file=own),
        )
    elif was_tuned(record):
        note = TUNED
    return replace(found, rows=rows, first=first, note=note, equations=equations)


def _equations(model: torch.nn.Module, parts: Parts, x: Sequences) -> tuple[Solved, ...]:
    from ltc2neuro.attribution.equations import solved

    begin("differential equations")
    model, part = entered(model), first_samples(x, COMPARED)[0]
    calling = find_truth(parts, model, part).calling
    assert calling is not None  # there is a model
    row = agreement(parts.record, model, part, calling)
    if not row.held:
        raise InputError(
            "the model is not the one that was compiled, or it was changed since",
            where="model",
            numbers=row.note,
            advice="Give the model that this network was compiled from, with the weights that it had.",
        )
    return tuple(solved(model, parts.record, x))


@dataclass(frozen=True, eq=False)
class Singly:
    """What is lost in a sample by itself: the whole, and by each site alone."""

    whole: MeasuredTargets
    each: dict[Site, MeasuredTargets]
    weighty: list[Site]
    """those that may matter"""

    @staticmethod
    def of(bench: Bench) -> Singly:
        """Measured."""
        sites, whole = bench.switched.sites, bench.one_step(())
        each = {s: bench.one_step([o for o in sites if o != s]) for s in sites}
        return Singly(whole, each, [s for s in sites if _weighs(each[s], whole)])


def _weighs(one: MeasuredTargets, whole: MeasuredTargets) -> bool:
    """Whether a loss is not far below the whole in any channel."""
    pairs = zip(one.decibels, whole.decibels, strict=True)
    return any(bool(np.any(own <= all_ + LIGHT)) for own, all_ in pairs)


def _attributed(bench: Bench, singly: Singly, limit: float, given: Bench) -> Attribution:
    sites = bench.switched.sites
    whole = bench.without(())
    table = _ShareTable(bench, singly, whole)
    light = [s for s in sites if s not in set(singly.weighty)]
    for cause in Cause:
        own = [s for s in sites if s.cause is cause]
        begin(f"lifting {cause.value}")
        table.add(cause.value, "", own)
        for site in own:
            if site in singly.weighty:
                table.add(cause.value, site.value, [site])
    table.add(f"{len(light)} others", "all of them", light)
    rows, wholes = table.rows, []
    for t, target in enumerate(bench.targets):
        at, worst = whole.at(t), metrics.worst_channel(whole.decibels[t])
        own = [r for r in rows if r.of == target.name and r.value]
        alone = together([power(r.alone) for r in own])
        lifted = together([power(at) - power(r.lifted) for r in own])
        wholes.append(Whole(target.name, at, worst.decibels, worst.channel, singly.whole.at(t), alone, lifted))
    scored = zip(bench.tasks, bench.float_scores, whole.scores, strict=True)
    return Attribution(
        tuple(wholes),
        tuple(rows),
        _first(bench, limit),
        limit,
        (len(bench.x.arrays), len(given.x.arrays)),
        (max(map(len, bench.x.arrays)), max(map(len, given.x.arrays))),
        given.executed(),
        tuple((task.name, exact, own) for task, exact, own in scored),
    )


@dataclass(frozen=True, eq=False)
class _ShareTable:
    """Rows in the making."""

    bench: Bench
    singly: Singly
    whole: MeasuredTargets
    rows: list[Share] = field(default_factory=list)
    known: dict[frozenset[Site], tuple[MeasuredTargets, MeasuredTargets, MeasuredTargets]] = field(default_factory=dict)

    def add(self, cause: str, value: str, own: Sequence[Site]) -> None:
        """What the losses `own` cost each target."""
        if not own:
            return
        alone, lifted, one = self._measured(own)
        knob = own[0].knob if value and len(own) == 1 else None
        names = ("", ()) if knob is None else (knob.field, tuple(glob.escape(v) for v in knob.values))
        for t, target in enumerate(self.bench.targets):
            rest, all_ = lifted.at(t), self.whole.at(t)
            gain = 0.0 if rest == all_ else rest - all_
            self.rows.append(Share(target.name, cause, value, alone.at(t), rest, gain, one.at(t), *names, alone.scores))

    def _measured(self, own: Sequence[Site]) -> tuple[MeasuredTargets, MeasuredTargets, MeasuredTargets]:
        """Alone, lifted, and alone in single samples."""
        key = frozenset(own)
        if key not in self.known:
            others = [s for s in self.bench.switched.sites if s not in key]
            one = self.singly.each[own[0]] if len(own) == 1 else self.bench.one_step(others)
            self.known[key] = self.bench.without(others), self.bench.without(own), one
        return self.known[key]


def _chosen(parts: Parts, x: Sequences, pairs: int, most_work: float, *, whole: bool) -> tuple[list[int], int]:
    """The sequences that are measured, evenly chosen, and how many samples of each, or the `whole`: as many as
    `most_work` allows."""
    one, lengths = work_of(parts.record.graph), [len(a) for a in x.arrays]
    calls = one.calls * CALL * pairs * PAIR
    most = max(lengths)
    steps = most if whole else int(np.clip(most_work / 2 / calls, min(LEAST, most), most))
    each = np.mean([min(n, steps) for n in lengths]) * one.elements * pairs * PAIR
    count = int(np.clip((most_work - calls * steps) / each, min(FEW, len(lengths)), len(lengths)))
    return [int(i) for i in np.linspace(0, len(lengths) - 1, count)], steps


def _first(bench: Bench, limit: float) -> Passed | None:
    """The first step, and in it the first value of the program, whose error is more than `limit` of its largest."""
    record, lowered = bench.parts.record, bench.switched.lowered
    names = [n for n, op in lowered.made_for.items() if n == op.result and n in lowered.near.values]
    found: list[tuple[int, int, int, Passed]] = []
    for number, a in enumerate(bench.x.arrays[:LOOKED_AT]):
        program = bench.switched.lifting(())
        own = program.run(record.enters.scaled(record.entering(a[None])), record=names)
        exact = run_float(lowered.near, record.entering(a[None]), record=names)
        for order, name in enumerate(names):
            lsb = 2.0 ** -record.graph.fraction(name)
            error = np.abs(own.record[name][0] * lsb - exact.record[name][0])
            largest = float(np.abs(exact.record[name]).max(initial=0.0))
            over = error > limit * largest
            if over.any() and largest > 0:
                step, element = (int(i) for i in np.argwhere(over)[0])
                passed = Passed(name, number, step, element, float(error[step, element]), largest)
                found.append((step, order, number, passed))
    return min(found, key=lambda f: f[:3])[3] if found else None
