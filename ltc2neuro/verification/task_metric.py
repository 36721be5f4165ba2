"""The task metric: how well a network's answers meet their targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hw_models.errors import InputError
from ltc2neuro import metrics
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.inputs.arrays import ArrayOrTensor, Sequences, as_targets
from ltc2neuro.metrics import Metric

Targets: TypeAlias = "ArrayOrTensor | Sequence[ArrayOrTensor]"


@dataclass(frozen=True)
class TaskMetric:
    """A metric of a network's answers, and what these should be, an array a sequence."""

    metric: str | Metric
    targets: Sequence[np.ndarray]
    batch_axis: int

    @property
    def name(self) -> str:
        """The metric's."""
        return self.metric if isinstance(self.metric, str) else getattr(self.metric, "__name__", "metric")

    def score(self, answers: Sequence[np.ndarray]) -> float:
        """The metric over the answers to all sequences."""
        return metrics.measure(self.metric, answers, self.targets, self.batch_axis)


def task_metric(
    net: BaseRecord, x: Sequences, targets: Targets | None, metric: str | Metric | None
) -> TaskMetric | None:
    """What the user measures a network by, if anything. Raises `InputError` where the targets do not fit `x`."""
    if (targets is None) != (metric is None):
        raise InputError("targets and metric go together", advice="Give both, or neither.")
    if targets is None or metric is None:
        return None
    metrics.metric_of(metric)
    wanted = as_targets(targets, x, net.layout, net.readout)
    return TaskMetric(metric, wanted, net.layout.batch_axis(net.readout))
