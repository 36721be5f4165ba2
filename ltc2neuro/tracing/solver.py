"""Recording `ltc2neuro.nn.repeat`: the sub-steps of a solver are one block that repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch

from ltc2neuro.tracing.symbolic import Symbolic

State: TypeAlias = "torch.Tensor | tuple[torch.Tensor, ...]"


def repeated(step: Callable[[State], State], state: State, times: int) -> State:
    """The rule of `repeat(step, state, times)` for a state of symbolic tensors."""
    tensors = (state,) if isinstance(state, torch.Tensor) else tuple(state)
    traced = [t for t in tensors if isinstance(t, Symbolic)]
    recorder = traced[0].recorder
    if len(traced) != len(tensors):
        raise recorder.refusal(
            "a repeated step starts from a constant", "Let it start from what depends on the input or on a state."
        )

    def on_tuple(inner: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        result = step(inner[0] if isinstance(state, torch.Tensor) else inner)
        return (result,) if isinstance(result, torch.Tensor) else tuple(result)

    after = recorder.repeat(on_tuple, traced, times)
    return after[0] if isinstance(state, torch.Tensor) else after
