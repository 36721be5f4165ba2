"""Rows or steps that are taken at places that numbers tell, as in `x[:, 2:]`: of as few as are recorded that may be the
last step alone, all rows, or nothing. So it is looked at what is taken of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import torch

from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.extents import Extent
from ltc2neuro.tracing.recording.symbolic import Symbolic
from ltc2neuro.tracing.recording.unrecorded import unrecorded

MANY = 150
"""As many as time inference records, and more"""


@unrecorded
def taken_by_number(
    func: Callable[..., object], x: Symbolic, args: Sequence[object], named: Mapping[str, object]
) -> str | None:
    """What is wrong with the rows or steps that a function of `x` takes, in words; None where all is well, or no
    numbers tell them."""
    if any(isinstance(given, (Extent, torch.Tensor)) for given in _leaves([args, list(named.values())])):
        return None
    for axis, of in _counting(x.codes):
        with suppress(Exception):  # what fails with so many, as a mask of the steps does, is none of these
            few, many = (func(_numbered(x.codes, axis, n), *args, **named) for n in (x.codes.shape[axis], MANY))
            if not isinstance(few, torch.Tensor) or not isinstance(many, torch.Tensor) or _is_whole(few, many):
                continue
            if not (of == "time steps" and _is_one(many, x)):
                return f"it takes some {of} at fixed places"
    return None


def _numbered(codes: torch.Tensor, axis: int, count: int) -> torch.Tensor:
    """The place along an axis of so many, in the shape of all."""
    shape = [count if a == axis else int(n) for a, n in enumerate(codes.shape)]
    return torch.arange(count).reshape([-1 if a == axis else 1 for a in range(len(shape))]).expand(shape)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, slice):
        yield from (value.start, value.stop)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _counting(codes: torch.Tensor) -> Iterator[tuple[int, str]]:
    """The axes that count rows or steps, and nothing else does."""
    for kind, of, count in zip(
        axes.rows_and_steps(axes.labels_of(codes)), ("batch rows", "time steps"), (axes.ROWS, axes.STEPS), strict=True
    ):
        for axis, size in enumerate(codes.shape):
            numbers = torch.arange(count).reshape([-1 if a == axis else 1 for a in range(codes.dim())])
            if size == count and torch.equal(kind, numbers.expand(kind.shape)):
                yield axis, of


def _is_whole(few: torch.Tensor, many: torch.Tensor) -> bool:
    """Whether all of few are taken, and of many all up to one: the proof, which looks at more, tells where a sequence
    is cut."""
    ends = [int(places.max()) + 1 if places.numel() else 0 for places in (few, many)]
    if 0 in ends:
        return many.numel() == 0 and MANY in many.shape  # of no features
    found = torch.unique_consecutive(many)
    return (
        1 < ends[0] <= ends[1]
        and few.numel() * ends[1] == many.numel() * ends[0]
        and (torch.equal(found, torch.arange(len(found)) % ends[1]))
    )


def _is_one(places: torch.Tensor, x: Symbolic) -> bool:
    """Whether it is the last, or where the model may answer at it the first, alone."""
    one = 0 if x.recorder.over_time.first else MANY - 1
    return places.numel() > 0 and bool((places == one).all())
