"""Inputs that are held: without an axis of time, the same at every step of a sequence.

Where a model repeats one over the steps, or computes with it and something that has steps, it is there at each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.overrides import handle_torch_function, has_torch_function

from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.extents import Extent
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbolic


def held(x: torch.Tensor, *, time_first: bool) -> torch.Tensor:
    """What is the same at every step of sequences `x`, without their axis of time."""
    if has_torch_function((x,)):
        return handle_torch_function(held, (x,), x, time_first=time_first)
    return x[0] if time_first else x[:, 0]


def recorded(x: Symbolic, *, time_first: bool) -> Symbolic:
    """The rule of `held`."""
    if x.recorder.all_at_once:  # its elements of the first step: `compiler.steps` knows that they are the same at all
        first = x[0] if time_first else x[:, 0]
        assert isinstance(first, Symbolic)
        return first
    example, codes = (held(t, time_first=time_first) for t in (x.example, x.codes))
    labels = axes.spread_labels(axes.batch_labels(axes.HELD), codes.shape)
    return symbolic(x.recorder, example, axes.encode(labels, axes.elements_of(codes)), x.value)


def over_time(codes: torch.Tensor, args: Sequence[object], named: Mapping[str, object]) -> torch.Tensor:
    """The codes of a tensor that was moved: at every step, where what is held was repeated as often as there are steps.

    `args` and `named` are the sizes or repeats that the model gave, which tell the number of steps from others.
    """
    if not axes.is_held(codes):
        return codes
    given = [*args, *named.values()]
    nested = [item for item in given if isinstance(item, (tuple, list))]
    sizes = list(nested[0]) if nested else given
    for axis, size in enumerate(sizes, codes.dim() - len(sizes)):
        along = axis >= 0 and isinstance(size, Extent) and size.counted.steps and codes.shape[axis] == axes.STEPS
        if along and torch.equal(codes, codes.narrow(axis, 0, 1).expand(codes.shape)):
            rows, _ = axes.rows_and_steps(axes.labels_of(codes))
            steps = torch.arange(axes.STEPS).reshape(-1, *(1 for _ in range(codes.dim() - axis - 1)))
            return axes.encode(axes.labelled(rows, steps.expand(codes.shape)), axes.elements_of(codes))
    return codes


def beside(codes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor | None:
    """The codes of what is held, at the rows and steps of something else; None where it is another's rows."""
    met = axes.common([labels, axes.labels_of(codes)])
    return None if met is None else axes.encode(met, axes.elements_of(codes))
