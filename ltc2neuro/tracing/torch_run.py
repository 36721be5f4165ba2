"""Running the user's model in torch as it was traced, to compare with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from hw_models.arrays import Floats, by_length
from hw_models.errors import InputError, Ltc2NeuroError
from ltc2neuro.compiled.answers import Answered
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.dtype import model_dtype
from ltc2neuro.tracing.calling.forward import forward, join_timespans, with_time
from ltc2neuro.tracing.calling.modules import instrumented, undisturbed, unwrapped
from ltc2neuro.tracing.model import are_tokens, calling_of
from ltc2neuro.tracing.recording.source import raised_at
from ltc2neuro.tracing.recording_strategy import ModelSource

_BATCH = 64


def run_torch(
    model: torch.nn.Module,
    sequences: Sequence[npt.ArrayLike],
    calling: Calling | None = None,
    *,
    dt: float = 1.0,
    timespans: Sequence[npt.ArrayLike] | None = None,
) -> list[Answered]:
    """What torch answers to each sequence (time, *sample_shape): (time, *step_shape), or step_shape for readout "last",
    and a tuple or dict of these where the model returns one.

    A copy of the model runs, in eval mode on the CPU; sequences of one length run side by side. Without `calling` the
    model is recorded to find out how it is called, with the time `dt` between two samples. With `timespans`, arrays
    (time,), each sequence runs alone.
    """
    if not len(sequences):
        return []
    arrays = join_timespans(sequences, timespans)
    if calling is None:
        shape = (len(sequences), *np.shape(sequences[0]))
        source = ModelSource(unwrapped(model), shape, dt, tokens=are_tokens(model, sequences))
        calling = calling_of(source, None if timespans is None else arrays)
    return [calling.answers.gathered(each) for each in answers_of(model, arrays, calling)]


def answers_of(model: torch.nn.Module, arrays: Sequence[Floats], calling: Calling) -> list[list[Floats]]:
    """torch's answers to each of the sequences (time, channels), one after the other."""
    answers: dict[int, list[Floats]] = {}
    with undisturbed():
        clone = instrumented(model, with_time(model, calling.dt))
        for numbers in by_length(arrays, most=_BATCH):
            each = _answers(clone, np.stack([arrays[n] for n in numbers]), calling)
            answers.update({n: [y[row] for y in each] for row, n in enumerate(numbers)})
    return [answers[n] for n in range(len(arrays))]


def _answers(clone: torch.nn.Module, x: Floats, calling: Calling) -> list[Floats]:
    """The answers, for each row of `x`. Raises `InputError` where torch fails, or answers to other rows."""
    one = calling.sample_shape
    shape = f"(batch, time, {'features' if len(one) == 1 else '...'}) = {(*x.shape[:2], *one)}"
    try:
        found = forward(clone, x, model_dtype(clone), calling)
    except Ltc2NeuroError:
        raise
    except Exception as error:
        raise InputError(
            "the model fails on these samples in torch",
            where=str(raised_at(error) or ""),
            numbers=f"{shape}: {type(error).__name__}: {error}",
            advice="Make sure that the model takes them: a single sequence is a batch of one.",
        ) from error
    for y in found:
        if y.shape[:1] != (len(x),):
            raise InputError(
                "the model does not answer for each row",
                numbers=f"shape {y.shape} for {shape}",
                advice="Give the model that this network was compiled from.",
            )
    return found
