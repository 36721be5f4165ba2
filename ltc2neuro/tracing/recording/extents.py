"""Whether a model decides something by the number of rows or of steps, as `if x.shape[1] % 10 == 0` does.

A trace has one number of each, and the proof a few more. What decides by them is proved on many more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch

from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.source import in_model
from ltc2neuro.tracing.recording.unrecorded import unrecorded

_OF_TIME = (0, 1)
"""Axes that may hold steps where a sequence is one sample"""


@dataclass
class Decisions:
    """Whether something was decided by the number of rows, or of steps."""

    rows: bool = False
    steps: bool = False
    recorded: int = 0
    """so many steps are one sample, where a sequence is: then the model's own code may count them"""

    @contextmanager
    def of_library(self) -> Iterator[None]:
        """While in it, a library's own layer looks at sizes: what it computes does not depend on them."""
        before = self.rows, self.steps
        try:
            yield
        finally:
            self.rows, self.steps = before


@dataclass(frozen=True)
class CountedSize:
    """What a size counts, and where it is noted that the model decides by it."""

    decisions: Decisions = field(repr=False)
    rows: bool
    steps: bool

    def note(self) -> None:
        """The size is looked at."""
        if in_model():
            self.decisions.rows |= self.rows
            self.decisions.steps |= self.steps


class Extent(int):
    """A number of rows or steps. Where the model compares, divides or hashes it, that is noted; sums stay extents."""

    counted: CountedSize

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        """A copy is a plain number."""
        return int, (int.__pos__(self),)


def _deciding(name: str) -> Callable[..., object]:
    plain = getattr(int, name)

    def method(self: Extent, *others: int) -> object:
        self.counted.note()
        return plain(self, *others)

    return method


def _keeping(name: str) -> Callable[..., object]:
    plain = getattr(int, name)

    def method(self: Extent, *others: int) -> object:
        result, own = plain(self, *others), self.counted
        for other in others:
            if isinstance(other, Extent):
                own = replace(own, rows=own.rows or other.counted.rows, steps=own.steps or other.counted.steps)
        return _extent(result, own) if isinstance(result, int) else result

    return method


for _name in (
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__bool__", "__int__", "__float__",
    "__mod__", "__rmod__", "__divmod__", "__rdivmod__", "__floordiv__", "__rfloordiv__", "__truediv__", "__and__",
    "__or__", "__xor__", "__lshift__", "__rshift__", "__pow__", "__rand__", "__ror__", "__rxor__", "__rlshift__",
    "__rrshift__", "__rpow__", "__rtruediv__", "__round__", "__invert__", "__repr__", "__format__", "bit_length",
):  # fmt: skip
    setattr(Extent, _name, _deciding(_name))
for _name in ("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__neg__", "__abs__"):
    setattr(Extent, _name, _keeping(_name))


def _extent(number: int, counted: CountedSize) -> Extent:
    extent = Extent(number)
    extent.counted = counted
    return extent


def all_steps(size: object) -> bool:
    """Whether it is the number of steps, and of them alone; that is not noted."""
    if not isinstance(size, Extent):
        return False
    return size.counted.steps and not size.counted.rows and int.__pos__(size) == axes.STEPS


def noted(size: object) -> None:
    """The model is given the size as a plain number, which shows no more what is done with it."""
    if isinstance(size, Extent):
        size.counted.note()


@unrecorded
def counted(size: int, axis: int | None, codes: torch.Tensor, decisions: Decisions) -> int:
    """The size of one axis of a tensor with these `codes`, or None for all together: an extent, where it counts."""
    along = axes.differences(codes)
    rows, steps = along[axis] if axis is not None else (any(one) for one in zip((False, False), *along, strict=True))
    steps |= 0 < decisions.recorded == size and axis in _OF_TIME
    return _extent(size, CountedSize(decisions, rows, steps)) if rows or steps else size
