"""What is to be said of a model that was recorded, and of its calibration: one warning for each thing."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from ltc2neuro.compilation.calibration import Channels, unread_channels, warn_of_poor_calibration
from ltc2neuro.compilation.growth import find_growth, warn_of_growth
from ltc2neuro.compilation.kept_states import warn_of_kept_states
from ltc2neuro.compilation.own_arithmetic import warn_of_own_arithmetic
from ltc2neuro.compilation.stages import Recorded
from ltc2neuro.compilation.training_mode import warn_of_training
from ltc2neuro.tracing import knows_time
from ltc2neuro.tracing.calling.answering import spelled
from ltc2neuro.tracing.calling.dtype import model_dtype


def warn_of(recorded: Recorded, stacklevel: int) -> None:
    """Poor calibrations, answers left out, a dt that nothing takes, training mode, what float32 loses, growth."""
    asked, traced = recorded.asked, recorded.traced
    arrays, above, own = asked.sequences.arrays, stacklevel + 1, model_dtype(asked.model)
    if asked.dt != 1.0 and not knows_time(asked.model):
        warnings.warn(_NO_TIME.format(dt=asked.dt), stacklevel=above)
    if traced.dropped:
        warnings.warn(
            _DROPPED.format(places=", ".join(f"result{spelled(place)}" for place in traced.dropped)), stacklevel=above
        )
    ends = asked.samples.ends
    unread = frozenset[int]() if traced.tokens else unread_channels(traced.graph)
    warn_of_poor_calibration(
        arrays if ends is None else [*arrays, np.stack(ends)],
        Channels(asked.timed, unread, traced.channel),
        stacklevel=above,
        resolved=float(torch.finfo(own).eps),
        own=str(own).removeprefix("torch."),
    )
    warn_of_training(asked.model, traced, arrays, stacklevel=above)
    warn_of_kept_states(asked.model, traced, arrays, own, stacklevel=above)
    warn_of_own_arithmetic(asked.model, traced, traced.graph, arrays, stacklevel=above)
    growth = find_growth(traced.graph, recorded.entering, asked.precision.margin, traced.growing)
    warn_of_growth(growth, traced.growing, max(map(len, arrays)), asked.samples.named, stacklevel=above)


_DROPPED = (
    "the model returns more than its answers and its states: {places}. The network leaves that out. Return what is an "
    "answer as a tensor of its own, in the tuple or dict of the others: return y, a, not return y, {{'a': a}}."
)
_NO_TIME = (
    "dt = {dt:g} changes no result: no recurrent cell of this model takes the elapsed time. A cell of your own gets it "
    "as a third argument named elapsed."
)
