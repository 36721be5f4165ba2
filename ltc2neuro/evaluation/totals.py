"""`Totals`: all that an evaluation counts, of some sequences; those of others are added, in any order.

Nothing in it is rounded or an array: whole numbers, extremes and names, as JSON holds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol, TypeVar, cast

import numpy as np

from compiler.interpreters.execution import Clip
from compiler.placement.activity import Sent
from ltc2neuro.evaluation.scores import Score
from ltc2neuro.evaluation.sqnr_sums import Level

T = TypeVar("T")


class _Adds(Protocol):
    """What knows how it is added up."""

    def joined(self, other: object, /) -> object: ...


@dataclass(frozen=True)
class Extremes:
    """The least and the most of each channel of a vector."""

    low: tuple[float, ...]
    high: tuple[float, ...]

    def joined(self, other: Extremes) -> Extremes:
        """Of both."""
        return Extremes(tuple(map(min, self.low, other.low)), tuple(map(max, self.high, other.high)))

    @property
    def rows(self) -> np.ndarray:
        """Both, as two samples (2, channels)."""
        return np.array([self.low, self.high])


def extremes_of(arrays: Sequence[np.ndarray]) -> Extremes:
    """Those of sequences (time, channels) that have any samples."""
    whole = np.concatenate(arrays)
    low, high = (end(whole, axis=0).astype(float) for end in (np.min, np.max))
    return Extremes(tuple(low.tolist()), tuple(high.tolist()))


@dataclass(frozen=True)
class ClippedElement:
    """One element of a value, where it was clipped: how often, and from where to where it went."""

    count: int
    low: int
    high: int

    def joined(self, other: ClippedElement) -> ClippedElement:
        """Both together."""
        return ClippedElement(self.count + other.count, min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True)
class Clips:
    """What was clipped of a value of this size: the elements that were, by their numbers."""

    size: int
    elements: Mapping[str, ClippedElement]

    def joined(self, other: Clips) -> Clips:
        """Both together."""
        return Clips(self.size, _joined(self.elements, other.elements))

    @property
    def clip(self) -> Clip:
        """The same as a run has it."""
        limits = np.iinfo(np.int64)
        found = np.array([[0, limits.max, limits.min]] * self.size, np.int64)
        for number, element in self.elements.items():
            found[int(number)] = element.count, element.low, element.high
        return Clip(*found.T)


def clips_of(clip: Clip) -> Clips:
    """What a run clipped of a value."""
    rows = np.stack([clip.counts, clip.low, clip.high], axis=1).astype(np.int64).tolist()
    return Clips(len(rows), {str(number): ClippedElement(*row) for number, row in enumerate(rows) if row[0]})


@dataclass(frozen=True)
class Totals:
    """Of the integers, and where they are compared with it of the float network."""

    sequences: int = 0
    samples: int = 0
    scores: Mapping[str, Score] = field(default_factory=dict)
    """of the integers, by the metric's name"""
    float_scores: Mapping[str, Score] = field(default_factory=dict)
    levels: Mapping[str, Level] = field(default_factory=dict)
    """of outputs and states"""
    saturations: Mapping[str, int] = field(default_factory=dict)
    beyond: Mapping[str, int] = field(default_factory=dict)
    """how often each channel that enters was clipped, by its number"""
    clips: Mapping[str, Clips] = field(default_factory=dict)
    """of values inside"""
    extremes: Mapping[str, Extremes] = field(default_factory=dict)
    """of what enters, and of states"""
    messages: Mapping[str, Sent] = field(default_factory=dict)
    on: Mapping[str, int] = field(default_factory=dict)
    """by executor: how many sequences it ran"""

    def joined(self, other: Totals) -> Totals:
        """Both together."""
        return Totals(**{f.name: _joined(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)})


def _joined(one: T, other: T) -> T:
    """Counts, tables of such, and what knows itself how it adds up."""
    if isinstance(one, int):
        return cast("T", one + cast("int", other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        more = {name: _joined(one[name], part) if name in one else part for name, part in other.items()}
        return cast("T", dict(sorted({**one, **more}.items())))  # in one order, whoever came first
    return cast("T", cast("_Adds", one).joined(other))
