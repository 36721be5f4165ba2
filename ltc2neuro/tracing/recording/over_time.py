"""Where a model joins its answers at all steps to one: the host does that, or a state where the host cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from ltc2neuro.tracing.recording.source import SourceLine

FOLDS: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "sum": torch.add,
    "max": torch.maximum,
    "min": torch.minimum,
}
"""What a state can do: a mean needs the number of steps"""
CallPlace = tuple[SourceLine | None, int]
"""A line of the model's, and the axis, counted from the front, that it joins"""


@dataclass
class OverTime:
    """What is known before a recording: which readouts are `held` in states, and the `places` in the model that join
    the steps of a sample that holds all of them; and `marks`, the values that stand for a readout of themselves."""

    held: frozenset[str] = frozenset()
    places: Mapping[CallPlace, int] = field(default_factory=dict)
    first: bool = False
    """whether the model may answer at the first step: one that steps a cell by hand takes that step, too"""
    marks: dict[str, str] = field(default_factory=dict)
