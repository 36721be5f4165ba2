"""Where a model joins its answers at all steps to one: the host does that, or a state where the host cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

import torch

from ltc2neuro.tracing.recording.source import SourceLine

FOLDS: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "sum": torch.add,
    "max": torch.maximum,
    "min": torch.minimum,
    "prod": torch.mul,
    "logsumexp": torch.logaddexp,
}
"""What a state can do: a mean needs the number of steps"""
ON_CHIP = frozenset({"prod", "logsumexp"})
"""What the host makes of no answers"""
ROUNDED = 1e-6
"""How far a reciprocal may be from that of a whole number, in float32"""
CallPlace = tuple[SourceLine | None, int | None, int]
"""A line of the model's, the column that tells calls on it apart, and the axis, counted from the front, that is joined
or taken from; or one of these"""
ADDED, DIVIDED, PADDED = -1, -2, -3
"""Terms that are added up one by one, the number that something is divided by, and how long an axis is with padding"""


def count_of(value: object) -> int | None:
    """The whole number that something is divided by, as it is, as a float or in a tensor; None of another."""
    if isinstance(value, torch.Tensor):
        value = value.item() if value.numel() == 1 and type(value) is torch.Tensor else None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def count_below(value: object) -> int | None:
    """The whole number of which it is the reciprocal."""
    if isinstance(value, torch.Tensor):
        value = value.item() if value.numel() == 1 and type(value) is torch.Tensor else None
    if not isinstance(value, float) or not 0 < value <= 1:
        return None
    return round(1 / value) if abs(round(1 / value) * value - 1) < ROUNDED else None


class Copies(Enum):
    """What the first step again, put before all or taken there, stands for: where it is told apart from others, for
    what was before it, or for itself, and the steps after it for those before them."""

    NONE = "as it is"
    BEFORE = "what was before"
    LATER = "in later steps"


@dataclass(frozen=True)
class TimePlaces:
    """Where a model `joins` all steps, as 0, or the last so many, below 0 all but the first; and where `windows`, of so
    many steps, have fewer of them at first."""

    joins: Mapping[CallPlace, int] = field(default_factory=dict)
    windows: Mapping[CallPlace, int] = field(default_factory=dict)
    padded: Mapping[SourceLine | None, int] = field(default_factory=dict)
    """by how many steps"""
    takes: Mapping[CallPlace, int] = field(default_factory=dict)
    """where a single step is taken, the first one more often than it comes: so often before that"""
    copies: Copies = Copies.NONE

    @property
    def left_out(self) -> int:
        """The most steps that are left out of what is joined."""
        return -min(0, 0, *self.joins.values())

    def without_windows(self) -> TimePlaces:
        """The same, as if windows were whole."""
        return replace(self, windows={})


@dataclass
class OverTime:
    """What is known before a recording: which readouts are `held` in states, and the `places` in the model that join
    the steps of a sample that holds all of them; and `marks`, the values that stand for a readout of themselves."""

    held: frozenset[str] = frozenset()
    places: TimePlaces = field(default_factory=TimePlaces)
    first: bool = False
    """whether the model may answer at the first step: one that steps a cell by hand takes that step, too"""
    states: frozenset[int] = frozenset()
    """where last states in a tuple are answers: beside no answer to each step that is computed from them"""
    marks: dict[str, str] = field(default_factory=dict)
    takes: dict[CallPlace, int] = field(default_factory=dict)
    """how often the first step has been taken there"""
    copies: dict[str, int] = field(default_factory=dict)
    """the values that stand for others, and in which step: see `compiler.steps.elements`"""
    folded: set[str] = field(default_factory=set)
    """the values of readouts that are held: answers, and no last states"""
    terms: dict[str, tuple[SourceLine | None, tuple[torch.Tensor, ...]]] = field(default_factory=dict)
    """of what a line adds up one by one what that is; of a sum over all steps the last"""

    def anew(self, *held: str) -> OverTime:
        """For another recording, in which these readouts are held, too."""
        return replace(self, held=self.held | set(held), marks={}, takes={}, copies={}, folded=set(), terms={})
