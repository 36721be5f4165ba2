"""Calling a model in torch: its answer, batch first, to arrays (batch, time, features), of samples in their shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from hw_models.arrays import Floats
from hw_models.errors import InputError
from ltc2neuro.inputs.sample_shape import flat
from ltc2neuro.tracing.calling.answering import at_places
from ltc2neuro.tracing.calling.arguments import SampleForm, arguments
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.modules import Forward, Wrap, unwrapped
from ltc2neuro.tracing.calling.squeezed_axes import restored
from ltc2neuro.tracing.layers import timed_cells


def join_timespans(sequences: Sequence[npt.ArrayLike], timespans: Sequence[npt.ArrayLike] | None) -> list[Floats]:
    """The sequences as arrays (time, features), with the time before each sample as their last channel, if given.

    Samples of any shape become flat.
    """
    arrays = [flat(s, s.shape[1:]) for s in (np.asarray(s, np.float64) for s in sequences)]
    if timespans is None:
        return arrays
    times = [np.asarray(t, np.float64) for t in timespans]
    if len(times) != len(arrays):
        raise InputError("each sequence needs its time spans", numbers=f"{len(arrays)} sequences, {len(times)} given")
    for number, (array, span) in enumerate(zip(arrays, times, strict=True)):
        if span.shape != array.shape[:1]:
            raise InputError(
                f"the time spans of sequence {number} have the wrong shape",
                numbers=f"{span.shape}, expected ({len(array)},)",
                advice="Give the time before each sample: (time,), or (batch, time) beside (batch, time, features).",
            )
        if not np.all(np.isfinite(span) & (span >= 0)):
            raise InputError(
                f"a time span of sequence {number} is below 0 or not finite",
                numbers=f"the smallest is {np.min(span):g}",
                advice="Samples follow each other in time: give the time since the one before.",
            )
    return [np.concatenate([a, t[:, None]], axis=1) for a, t in zip(arrays, times, strict=True)]


def first_steps(sequences: Sequence[Floats], rows: int, steps: int) -> Floats:
    """The beginning of the first sequences, as a small batch (rows, steps, channels)."""
    some = sequences[:rows]
    steps = min(steps, *(len(s) for s in some))
    return np.stack([s[:steps] for s in some])


def forward(
    model: torch.nn.Module, x: Floats, dtype: torch.dtype, calling: Calling, *, together: bool = False
) -> list[Floats]:
    """The model's answers to `x` (batch, time, features), batch first.

    With time spans row by row, if not `together`: ncps 1.0.1 takes those of one row for another's units.
    """
    if calling.timed and len(x) > 1 and not together:
        rows = [forward(model, row[None], dtype, calling) for row in x]
        return [np.concatenate(parts) for parts in zip(*rows, strict=True)]
    found, time_first = raw_answers(model, x, dtype, calling), calling.output_time_first
    for n, answer in enumerate(calling.answers.each):
        y = restored(found[n], len(x), x.shape[1], answer, time_first=time_first)
        turned = answer.stepped and time_first and y.ndim == 2 + len(answer.step_shape)
        found[n] = y.swapaxes(0, 1) if turned else y
    return found


def raw_answers(model: torch.nn.Module, x: Floats, dtype: torch.dtype, calling: Calling) -> list[Floats]:
    """The model's answers to `x` (batch, time, features), as torch returns them."""
    tensor = torch.tensor(x, dtype=dtype)  # a copy: the model may write into it
    tensor = tensor.transpose(0, 1) if calling.time_first else tensor
    samples, times = (tensor[..., :-1], tensor[..., -1]) if calling.timed else (tensor, None)
    samples = samples if calling.tokens is None or calling.tokens.numbers else samples.long()
    given = arguments(SampleForm(calling.inputs, calling.sample_shape, calling.time_first), samples, times)
    result = model(*given.ordered, **given.named)
    return [y.detach().double().numpy() for y in at_places(result, calling.places)]


def knows_time(model: torch.nn.Module) -> bool:
    """Whether a recurrent cell of the model is given the elapsed time."""
    return bool(timed_cells(unwrapped(model)))


def with_time(model: torch.nn.Module, dt: float) -> Wrap:
    """Give the recurrent cells that know time the step `dt`, where it is not 1."""
    timed = timed_cells(unwrapped(model))

    def wrap(path: str, module: torch.nn.Module, forward: Forward) -> Forward:
        if dt == 1.0 or path not in timed:
            return forward
        return lambda x, state, elapsed=1.0: forward(x, state, elapsed if isinstance(elapsed, torch.Tensor) else dt)

    return wrap
