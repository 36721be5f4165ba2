"""Where a model takes a part of the steps of which there is no readout: `y[:, :5].mean(1)`, the second half."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import torch
from torch.overrides import TorchFunctionMode

from compiler.graph.origin import SourceLine
from ltc2neuro.tracing.proof.failures import DiffersError
from ltc2neuro.tracing.recording.source import user_place

_LENGTHS = (53, 59)
"""Of two sequences: an axis of such a length each time is that of time"""


class _SeenSlices(TorchFunctionMode):
    """Sees where slices of an axis of so many steps begin and end, by the place in the model."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps, self.found = steps, dict[tuple[SourceLine | None, int | None], tuple[int, int]]()

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        if func is torch.Tensor.__getitem__ and isinstance(x := args[0], torch.Tensor):
            parts = args[1] if isinstance(args[1], tuple) else (args[1],)
            if all(type(part) in (int, slice) for part in parts):
                for part, size in zip(parts, x.shape, strict=False):
                    if isinstance(part, slice) and size == self.steps:
                        self.found[user_place()] = part.indices(size)[:2]
        return func(*args, **(kwargs or {}))


def tell_part(error: DiffersError, run: Callable[[int], object]) -> None:
    """Say in the error which part of the steps the model takes, where it is neither the last so many nor all but the
    first so many; `run` runs it over so many steps."""
    each = list[_SeenSlices]()
    for steps in _LENGTHS:
        with suppress(Exception), _SeenSlices(steps) as seen:
            run(steps)
            each.append(seen)
    if len(each) < len(_LENGTHS):
        return
    for place in each[0].found.keys() & each[1].found.keys():
        begins, ends = zip(*(seen.found[place] for seen in each), strict=True)
        left = {steps - begin for steps, begin in zip(_LENGTHS, begins, strict=True)}
        if ends == _LENGTHS and (len({*begins}) == 1 or len(left) == 1):
            continue
        told = (f"of {n} steps those from {a} to {b - 1}" for n, a, b in zip(_LENGTHS, begins, ends, strict=True))
        error.told, error.where = True, str(place[0] or error.where)
        error.what = "the model reads out a part of the steps that a network cannot tell from the others"
        error.numbers = ", ".join(told)
        error.advice = (
            "It does the same at every step, and does not know how many are to come. Take all, the last so many "
            "(y[:, -5:]) or all but the first so many (y[:, 5:]); answer at every step and let the host choose; or let "
            "an input that is 1 at these steps weigh them."
        )
        return
