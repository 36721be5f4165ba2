"""Where a model joins steps, when its whole sequence is one sample of what is recorded: found out in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch.overrides import TorchFunctionMode

from ltc2neuro.tracing.calling.model_inputs import ModelInputs
from ltc2neuro.tracing.ops.torch_ops import spellings
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.over_time import CallPlace
from ltc2neuro.tracing.recording.source import call, user_line

LENGTHS = (53, 59)
"""Of two sequences: an axis of such a length each time is that of time"""
SHORT = (1, 2)
"""Of two others: an axis of the last steps alone has no more than these"""
_JOINS = {*spellings("mean", "sum", "amax", "amin", "max", "min")}
_POOLS = {torch.nn.functional.adaptive_avg_pool1d, torch.adaptive_avg_pool1d, torch.nn.functional.adaptive_max_pool1d}


class _SeenJoins(TorchFunctionMode):
    """Sees which axes are joined where, and how long they are; 0 where that differs."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[CallPlace, int] = {}

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        x = args[0] if args else kwargs.get("input")
        if isinstance(x, torch.Tensor) and func in _JOINS | _POOLS:
            second = args[1] if len(args) > 1 else None
            dim = -1 if func in _POOLS else kwargs.get("dim", kwargs.get("axis", second))
            given = range(x.dim()) if dim is None else (dim,) if isinstance(dim, int) else dim
            for axis in given if isinstance(given, (range, tuple, list)) else ():
                place, size = (user_line(), axis % x.dim()), x.shape[axis]
                self.found[place] = size if self.found.get(place, size) == size else 0
        return func(*args, **kwargs)


def time_places(model: Callable[[torch.Tensor], object], given: ModelInputs) -> Mapping[CallPlace, int]:
    """The lines and axes at which a model of what it is given (rows, steps, *shape) joins all steps, as 0, or the last
    so many; none where it fails."""
    try:
        long, short = ([_seen(model, given, steps) for steps in lengths] for lengths in (LENGTHS, SHORT))
    except Exception:  # the proof says why: it takes as many steps
        return {}
    found = dict[CallPlace, int]()
    for place in long[0].keys() & long[1].keys():
        sizes = tuple(seen[place] for seen in long)
        if sizes == LENGTHS:
            found[place] = 0
        elif sizes[0] == sizes[1] > 1 and tuple(seen.get(place, 0) for seen in short) == SHORT:
            found[place] = sizes[0]
    return found


def _seen(model: Callable[[torch.Tensor], object], given: ModelInputs, steps: int) -> Mapping[CallPlace, int]:
    with _SeenJoins() as seen:
        call(model, given.zeros(axes.ROWS, steps))
    return seen.found
