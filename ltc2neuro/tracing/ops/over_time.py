"""Readouts over time: a mean, sum or extreme of the answers at all steps, or the latest of them.

What is recorded in their place is the answer at the last step, marked: at the end of the model it is seen whether the
host can do the rest (`ltc2neuro.tracing.host_readouts`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from compiler.graph.ops import Mul
from ltc2neuro.compiled.readouts import window
from ltc2neuro.tracing.ops.copies import taken_before
from ltc2neuro.tracing.ops.shape_ops import movement
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.operands import sample_value
from ltc2neuro.tracing.recording.over_time import FOLDS, ON_CHIP
from ltc2neuro.tracing.recording.source import user_place
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbolic


def over_time(
    kind: str, join: Callable[..., torch.Tensor], x: torch.Tensor, dim: int | Sequence[int] | None, keepdim: bool
) -> torch.Tensor | None:
    """What stands for `join(x, dim, keepdim)` where one of the axes is that of time; None where none is."""
    if not isinstance(x, Symbolic):
        return None
    given = range(x.dim()) if dim is None else (dim,) if isinstance(dim, int) else dim
    over = sorted({axis % x.dim() for axis in given})
    along = [axis for axis in over if of_time(x, axis)]
    if len(along) != 1:
        return None
    latest = x.recorder.over_time.places.joins.get((*user_place(), along[0]), 0)
    if latest and kind in ON_CHIP:
        return None
    kind = f"{kind} of {window(latest)}" if latest else kind
    others = [axis for axis in over if axis != along[0]]
    joined = join(x, others, True) if others else x
    joined = valued(joined)
    held = kind in x.recorder.over_time.held | ON_CHIP
    if held and latest > 0:  # delays of its steps
        return None
    y = _running(kind.partition(" of ")[0], joined, along[0]) if held else _marked(kind, joined, along[0])
    if kind == "sum" and not held:
        x.recorder.over_time.terms[valued(y).value] = None, (joined.select(along[0], -1),)
    y = y.unsqueeze(along[0])
    for axis in () if keepdim else reversed(over):
        y = y.squeeze(axis)
    return y


def of_time(x: Symbolic, axis: int) -> bool:
    """Whether an axis holds all steps in their order, and nothing else does."""
    if x.recorder.all_at_once:
        return (*user_place(), axis) in x.recorder.over_time.places.joins
    if x.shape[axis] != axes.STEPS:
        return False
    rows, steps = axes.rows_and_steps(axes.labels_of(x.codes))
    shape = [axes.STEPS if a == axis else 1 for a in range(x.dim())]
    return torch.equal(steps, torch.arange(axes.STEPS).reshape(shape).expand(x.shape)) and torch.equal(
        rows, rows.select(axis, 0).unsqueeze(axis).expand(x.shape)
    )


def taken(x: Symbolic, index: object) -> object:
    """`x[index]`: what takes the latest steps stands for all of them, marked. Fewer than are recorded are not taken
    so: the shape that the model sees is that of torch. So does what leaves out the first."""
    steps, parts = 0, list(index) if isinstance(index, tuple) else [index]
    known = isinstance(x, Symbolic) and not x.recorder.all_at_once
    for place, axis in _axes(x, parts) if known else ():
        part = parts[place]
        if isinstance(part, slice) and part.stop is None and part.step in (None, 1) and isinstance(part.start, int):
            last = part.start == axes.LAST and x.recorder.decisions.steps  # y[len(y) - 1 :]
            if (part.start <= -axes.STEPS or part.start > 0) and not last and of_time(x, axis):
                steps, parts[place] = -part.start, slice(None)
    if not steps:
        part = _TAKEN(x, index)
        if isinstance(part, Symbolic) and x.recorder.all_at_once:
            for place, axis in _axes(x, parts):
                part = taken_before(valued(part), axis) if type(parts[place]) is int and parts[place] == 0 else part
        return part
    x = marked(window(steps), x)
    return _TAKEN(x, tuple(parts)) if any(part != slice(None) for part in parts) else x


_TAKEN = movement(torch.Tensor.__getitem__, cuts=True)


def _axes(x: Symbolic, parts: Sequence[object]) -> Iterator[tuple[int, int]]:
    """The parts of an index that are a number or a slice, and the axis of each; none behind a mask or list."""
    taking = sum(part is not None and part is not Ellipsis for part in parts)
    axis = 0
    for place, part in enumerate(parts):
        if part is Ellipsis:
            axis += x.dim() - taking
        elif isinstance(part, (int, slice)) and not isinstance(part, bool):
            yield place, axis
            axis += 1
        elif part is not None:
            return


def valued(x: torch.Tensor) -> Symbolic:
    """What is known to be recorded."""
    assert isinstance(x, Symbolic)
    return x


def _marked(kind: str, x: Symbolic, axis: int) -> Symbolic:
    """The last step of `x`, as a value of its own."""
    return marked(kind, valued(x.select(axis, -1)))


def marked(kind: str, y: Symbolic) -> Symbolic:
    """The same as a value of its own, which stands for a readout."""
    recorder = y.recorder
    source, one = sample_value(y), recorder.constant(np.ones(1), f"over_time.{kind}")
    value = recorder.emit(lambda out: Mul(out, source, one), recorder.size(source), kind)
    recorder.over_time.marks[value] = kind
    labels = axes.labels_of(y.codes)
    return symbolic(recorder, y.example, axes.encode(labels, axes.ranks(labels)), value)


def steps_so_far(x: Symbolic, axis: int) -> torch.Tensor:
    """How many there are, counted by the chip: of one of the features, if there are any."""
    features = x.dim() - 1 if axis < x.dim() - 1 else axis - 1
    one = x if x.dim() == 2 else valued(x.narrow(features, 0, 1))
    return _running("sum", valued(one * 0 + 1), axis, "steps")


def _running(kind: str, x: Symbolic, axis: int, name: str = "") -> torch.Tensor:
    """What the chip keeps from step to step; a largest value starts with the first step's."""
    if kind == "mean":
        return _running("sum", x, axis) / steps_so_far(x, axis)
    recorder, fold = x.recorder, FOLDS[kind]
    if recorder.all_at_once:
        zeros = valued(x.select(axis, 0)).example * 0
        begins = [zeros] if kind == "sum" else []  # a first step may be a sum of its own
        so_far = functools.reduce(fold, [*begins, *x.unbind(axis)])
        recorder.variable(recorder.named(name or kind), so_far)
        return so_far
    y = valued(x.select(axis, -1))
    flat = valued(y.flatten(1))
    size = flat.shape[1]
    before = recorder.add_state(recorder.named(name or kind), np.zeros(size))
    so_far = fold(recorder.read(before, (size,), flat.example, axes.LAST), flat)
    if kind != "sum":
        flag = recorder.add_state(recorder.named("started"), np.zeros(1), np.zeros(1), np.ones(1))
        started = recorder.read(flag, (1,), flat.example, axes.LAST)
        so_far = torch.where(started > 0.5, so_far, flat)
        recorder.write(flag, started * 0 + 1)
    else:
        recorder.growing.append(before)
    recorder.write(before, so_far)
    recorder.over_time.folded.add(valued(so_far).value)
    return so_far.reshape(y.shape)
