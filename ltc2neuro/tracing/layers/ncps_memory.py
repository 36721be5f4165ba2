"""Mixed memory of ncps: an LSTM in front of a cell, which shares its state with it."""

from __future__ import annotations

from dataclasses import replace

import torch

from compiler.steps.variables import StateBound, within_one
from hw_models.arrays import Floats
from ltc2neuro.tracing.layers.scan import CellStates, CellStep, Elapsed, StateVariable
from ltc2neuro.tracing.recording.recorder import Recorder


def with_memory(recorder: Recorder, lstm: torch.nn.Module, step: CellStep) -> CellStep:
    """`step` with an LSTM before it in every sample: both take the input, and the LSTM's output becomes the state."""
    (own,) = step.variables

    def function(x: torch.Tensor, states: CellStates, elapsed: Elapsed) -> tuple[torch.Tensor, CellStates]:
        before, memory = states
        state, memory = lstm(x, (before, memory))
        recorder.overwrite(before, state)
        y, (after,) = step.function(x, (state,), elapsed)
        return y, (after, memory)

    bound = None if own.bound is None else _from_within_one(own.bound)
    return CellStep((replace(own, bound=bound), StateVariable("c", own.shape, None, lstm)), function)


def _from_within_one(bound: StateBound) -> StateBound:
    """The bound of a state that starts every sample from the output of an LSTM, in (-1, 1)."""

    def wider(initial: Floats) -> tuple[Floats, Floats]:
        low, high = within_one(initial)
        return bound(low)[0], bound(high)[1]

    return wider
