"""Where a model joins steps, when its whole sequence is one sample of what is recorded: found out in torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch.overrides import TorchFunctionMode

from ltc2neuro.tracing.calling.model_inputs import ModelInputs
from ltc2neuro.tracing.ops.torch_ops import spellings
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.over_time import CallPlace
from ltc2neuro.tracing.recording.source import call, user_line

LENGTHS = (53, 59)
"""Of two sequences: an axis of such a length each time is that of time"""
_JOINS = {*spellings("mean", "sum", "amax", "amin", "max", "min")}
_POOLS = {torch.nn.functional.adaptive_avg_pool1d, torch.adaptive_avg_pool1d, torch.nn.functional.adaptive_max_pool1d}


class _Seen(TorchFunctionMode):
    """Sees which axes are joined where, and whether they are as long as the sequence."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.found: dict[CallPlace, bool] = {}

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
                place = user_line(), axis % x.dim()
                self.found[place] = self.found.get(place, True) and x.shape[place[1]] == self.steps
        return func(*args, **kwargs)


def time_places(model: Callable[[torch.Tensor], object], given: ModelInputs) -> frozenset[CallPlace]:
    """The lines and axes at which a model of what it is given (rows, steps, *shape) joins all steps; none where it
    fails."""
    found = []
    for steps in LENGTHS:
        try:
            with _Seen(steps) as seen:
                call(model, given.zeros(axes.ROWS, steps))
        except Exception:  # the proof says why: it takes as many steps
            return frozenset()
        found.append({place for place, whole in seen.found.items() if whole})
    return frozenset(set.intersection(*found))
