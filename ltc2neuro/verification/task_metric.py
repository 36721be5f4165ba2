"""The task metric: how well a network's answers meet their targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from hw_models.errors import InputError
from ltc2neuro import metrics
from ltc2neuro.compiled.answers import Answers
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.inputs.arrays import ArrayOrTensor, Sequences, as_targets
from ltc2neuro.metrics import Metric

Targets: TypeAlias = "ArrayOrTensor | Sequence[ArrayOrTensor] | Mapping[str, ArrayOrTensor | Sequence[ArrayOrTensor]]"


@dataclass(frozen=True)
class TaskMetric:
    """A metric of one of a network's answers, and what these should be, an array a sequence."""

    metric: str | Metric
    targets: Sequence[np.ndarray]
    batch_axis: int
    number: int = 0
    """which of the answers it is of"""
    of: str = ""

    @property
    def name(self) -> str:
        """The metric's."""
        name = self.metric if isinstance(self.metric, str) else getattr(self.metric, "__name__", "metric")
        return f"{name} of {self.of}" if self.of else name

    def part(self, sequences: Sequence[int]) -> TaskMetric:
        """The same over some of the sequences."""
        return replace(self, targets=[self.targets[i] for i in sequences])

    def score(self, answers: Sequence[Sequence[np.ndarray]]) -> float:
        """The metric over the answers to all sequences, each of them in the model's shape."""
        return metrics.measure(self.metric, [each[self.number] for each in answers], self.targets, self.batch_axis)


def task_metrics(
    record: BaseRecord, x: Sequences, targets: Targets | None, metric: str | Metric | None
) -> list[TaskMetric]:
    """What the user measures a network by: nothing, the metric, or that of each answer that has targets.

    Raises `InputError` where the targets do not fit `x` or the answers.
    """
    check_pair(targets, metric)
    if targets is None or metric is None:
        return []
    given = of_each(record.answers, targets)
    found = []
    for number, (answer, own) in enumerate(zip(record.answers.each, given, strict=True)):
        if own is not None:
            wanted = as_targets(own, x, record.layout, stepped=answer.stepped)
            of = answer.name if record.answers.several else ""
            found.append(TaskMetric(metric, wanted, record.layout.batch_axis(stepped=answer.stepped), number, of))
    return found


def check_pair(targets: Targets | None, metric: str | Metric | None) -> None:
    """Raise `InputError` for targets without a metric, a metric without targets, and what is none."""
    if (targets is None) != (metric is None):
        raise InputError("targets and metric go together", advice="Give both, or neither.")
    if metric is not None:
        metrics.metric_of(metric)


def of_each(answers: Answers, targets: Targets) -> Sequence[ArrayOrTensor | Sequence[ArrayOrTensor] | None]:
    """The targets of each answer: None for those that are not measured."""
    if not answers.several and not isinstance(targets, Mapping):
        return [targets]
    if isinstance(targets, Mapping) and targets and set(targets) <= set(answers.names):
        return [targets.get(name) for name in answers.names]
    if isinstance(targets, (tuple, list)) and len(targets) == len(answers.names):
        return targets
    raise InputError(
        "targets do not fit the answers",
        where="targets",
        numbers=f"the network answers {', '.join(answers.names) or 'one array'}",
        advice="Give a dict by these names, of those that are to be measured, or a tuple with None for the others."
        if answers.several
        else "Give one array of them.",
    )


def check_limits(
    metric: str | Metric | None, min_sqnr: float | None, change: float | None, clipped: float | None = None
) -> None:
    """Raise `InputError` for limits that are no numbers, out of range, or of a metric that is not given."""
    if change is not None and metric is None:
        raise InputError("max_metric_change needs a metric and targets", numbers=f"max_metric_change = {change}")
    for name, limit in (("min_sqnr", min_sqnr), ("max_metric_change", change), ("max_clipped", clipped)):
        number = isinstance(limit, (int, float, np.number)) and not isinstance(limit, bool)
        if limit is not None and (not number or math.isnan(limit)):
            raise InputError(f"{name} is not a number", numbers=f"{name} = {limit!r}")
    if clipped is not None and not 0 <= clipped <= 1:
        raise InputError("max_clipped is a share, from 0 to 1", numbers=f"max_clipped = {clipped}")
    if change is not None and change < 0:
        raise InputError("max_metric_change must not be negative", numbers=f"max_metric_change = {change}")
