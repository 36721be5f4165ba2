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
        shape = [MANY if a == axis else int(n) for a, n in enumerate(x.codes.shape)]
        places = torch.arange(MANY).reshape([-1 if a == axis else 1 for a in range(len(shape))]).expand(shape)
        with suppress(Exception):  # what fails with so many, as a mask of the steps does, is none of these
            taken = func(places, *args, **named)
            steps = of == "time steps"
            if isinstance(taken, torch.Tensor) and not _are_first(taken) and not (steps and _is_one(taken, x)):
                return f"it takes some {of} at fixed places"
    return None


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


def _are_first(places: torch.Tensor) -> bool:
    """Whether it is all, or all up to one: the proof, which looks at more, tells where a sequence is cut."""
    found = torch.unique_consecutive(places)
    if len(found) == 0:
        return MANY in places.shape  # of no features
    return int(found.max()) > 0 and torch.equal(found, torch.arange(len(found)) % (int(found.max()) + 1))


def _is_one(places: torch.Tensor, x: Symbolic) -> bool:
    """Whether it is the last, or where the model may answer at it the first, alone."""
    one = 0 if x.recorder.over_time.first else MANY - 1
    return places.numel() > 0 and bool((places == one).all())
