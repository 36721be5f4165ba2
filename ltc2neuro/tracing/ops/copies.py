"""What a model puts before its first step, and is that step again, as `torch.cat([x[:, :1], x[:, :-1]], 1)` does.

At no other step is it so: where time inference finds no program, what is there is recorded once more, as what was
before the first step: a state starts from it.
"""

from __future__ import annotations

import numpy as np
import torch

from compiler.graph.ops import Mul
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.operands import sample_value
from ltc2neuro.tracing.recording.source import user_place
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbolic


def from_the_first(x: torch.Tensor, *along: int) -> torch.Tensor:
    """A tensor whose first places along one of these axes, where they are all the same and others follow, stand for
    what was before the last of them."""
    if not isinstance(x, Symbolic) or not x.recorder.over_time.places.copies:
        return x
    for axis in along:
        copies = _copies(x.codes, axis)
        if copies:
            before = _before(x.narrow(axis, 0, 1))
            return torch.cat([before] * copies + [x.narrow(axis, copies, x.shape[axis] - copies)], axis)
    return x


def taken_before(x: torch.Tensor, axis: int) -> torch.Tensor:
    """A first step that was taken along an axis: where others come after it at this place, what was before."""
    if not isinstance(x, Symbolic) or not x.recorder.over_time.places.copies:
        return x
    known, place = x.recorder.over_time, (*user_place(), axis)
    known.takes[place] = known.takes.get(place, 0) + 1
    return _before(x) if known.takes[place] <= known.places.takes.get(place, 0) else x


def _copies(codes: torch.Tensor, axis: int) -> int:
    """How many places come before the last of those that are like the first; none where all are."""
    size, same = codes.shape[axis], 1
    while same < size and torch.equal(codes.select(axis, 0), codes.select(axis, same)):
        same += 1
    return same - 1 if same < size else 0


def _before(first: torch.Tensor) -> torch.Tensor:
    """The same as a value of its own."""
    assert isinstance(first, Symbolic)
    recorder = first.recorder
    source, one = sample_value(first), recorder.constant(np.ones(1), "before")
    value = recorder.emit(lambda out: Mul(out, source, one), recorder.size(source), "before")
    recorder.over_time.copies.add(value)
    labels = axes.labels_of(first.codes)
    return symbolic(recorder, first.example, axes.encode(labels, axes.ranks(labels)), value)
