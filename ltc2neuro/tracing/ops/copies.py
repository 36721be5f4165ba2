"""What a model puts before its first step, and is that step again, as `torch.cat([x[:, :1], x[:, :-1]], 1)` does.

At no other step is it so: where time inference finds no program, what is there is recorded once more, as what was
before the first step: a state starts from it.
"""

from __future__ import annotations

import numpy as np
import torch

from compiler.graph.ops import Mul
from compiler.steps.elements import NEVER
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.operands import sample_value
from ltc2neuro.tracing.recording.over_time import Copies
from ltc2neuro.tracing.recording.source import user_place
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbolic


def from_the_first(x: torch.Tensor, *along: int) -> torch.Tensor:
    """A tensor whose first places along one of these axes, where they are all the same and others follow, stand for
    what was before the last of them; or where each but the first stands for one so many steps before."""
    if not isinstance(x, Symbolic) or x.recorder.over_time.places.copies is Copies.NONE:
        return x
    later = x.recorder.over_time.places.copies is Copies.LATER
    for axis in along:
        copies = _copies(x.codes, axis)
        if copies and later:
            parts = list(x.split(1, axis))
            for step in range(
                1, len(parts)
            ):  # that of the step before, where there are no others: equal values are one
                parts[step] = _standing(parts[step - 1] if step <= copies else parts[step], step)
            return torch.cat(parts, axis)
        if copies:
            before = _standing(x.narrow(axis, 0, 1), NEVER)
            return torch.cat([before] * copies + [x.narrow(axis, copies, x.shape[axis] - copies)], axis)
    return x


def taken_before(x: torch.Tensor, axis: int) -> torch.Tensor:
    """A first step that was taken along an axis: where others come after it at this place, what was before."""
    if not isinstance(x, Symbolic) or x.recorder.over_time.places.copies is not Copies.BEFORE:
        return x
    known, place = x.recorder.over_time, (*user_place(), axis)
    known.takes[place] = known.takes.get(place, 0) + 1
    return _standing(x, NEVER) if known.takes[place] <= known.places.takes.get(place, 0) else x


def _copies(codes: torch.Tensor, axis: int) -> int:
    """How many places come before the last of those that are like the first; none where all are."""
    size, same = codes.shape[axis], 1
    while same < size and torch.equal(codes.select(axis, 0), codes.select(axis, same)):
        same += 1
    return same - 1 if same < size else 0


def _standing(x: torch.Tensor, step: int) -> torch.Tensor:
    """The same as a value of its own, which stands there for what was before the first step, or a step before."""
    assert isinstance(x, Symbolic)
    recorder = x.recorder
    source, one = sample_value(x), recorder.constant(np.ones(1), "before")
    value = recorder.emit(lambda out: Mul(out, source, one), recorder.size(source), "before")
    recorder.over_time.copies[value] = step
    labels = axes.labels_of(x.codes)
    return symbolic(recorder, x.example, axes.encode(labels, axes.ranks(labels)), value)
