"""Recording `ltc2neuro.nn.repeat`: the sub-steps of a solver are one block that repeats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch

from ltc2neuro.tracing.recording.symbolic import ComplexPair, paired, symbols

SolverState: TypeAlias = "torch.Tensor | tuple[torch.Tensor, ...]"


def repeated(step: Callable[[SolverState], SolverState], state: SolverState, times: int) -> SolverState:
    """The rule of `repeat(step, state, times)` for a state of symbolic tensors."""
    tensors = (state,) if isinstance(state, torch.Tensor) else tuple(state)

    def on_parts(inner: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        result = step(given(inner))
        return _apart((result,) if isinstance(result, torch.Tensor) else tuple(result))

    def given(inner: Sequence[torch.Tensor]) -> SolverState:
        left = iter(inner)
        whole = tuple(paired(next(left), next(left)) if isinstance(t, ComplexPair) else next(left) for t in tensors)
        return whole[0] if isinstance(state, torch.Tensor) else whole

    return given(symbols(tensors)[0].recorder.repeat(on_parts, _apart(tensors), times))


def _apart(tensors: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Of complex ones the real and the imaginary part."""
    return tuple(part for t in tensors for part in ((t.re, t.im) if isinstance(t, ComplexPair) else (t,)))
