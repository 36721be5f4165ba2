"""Recording `ltc2neuro.nn.repeat`: the sub-steps of a solver are one block that repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from ltc2neuro.tracing.recording.symbolic import symbols

SolverState: TypeAlias = "torch.Tensor | tuple[torch.Tensor, ...]"


def repeated(step: Callable[[SolverState], SolverState], state: SolverState, times: int) -> SolverState:
    """The rule of `repeat(step, state, times)` for a state of symbolic tensors."""
    tensors = (state,) if isinstance(state, torch.Tensor) else tuple(state)

    def on_tuple(inner: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        result = step(inner[0] if isinstance(state, torch.Tensor) else inner)
        return (result,) if isinstance(result, torch.Tensor) else tuple(result)

    after = symbols(tensors)[0].recorder.repeat(on_tuple, tensors, times)
    return after[0] if isinstance(state, torch.Tensor) else after
