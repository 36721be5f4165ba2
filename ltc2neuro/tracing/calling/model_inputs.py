"""What a model is given of whole sequences: its input or several, and the time before each sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch

from ltc2neuro.inputs.several import Inputs
from ltc2neuro.tracing.calling.arguments import Arguments, arguments
from ltc2neuro.tracing.recording.recorder import Times

LONGEST = 1e6
"""A time span that is tried, at most"""


@dataclass(frozen=True)
class ModelInputs:
    """Samples in tensors (rows, steps, *shape), of one input in its own shape, or of several, or with time spans,
    which are then the last channel, flat."""

    sample_shape: tuple[int, ...]
    dtype: torch.dtype
    inputs: Inputs | None = None
    spans: Times | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """That of a sample in a tensor."""
        return self.sample_shape if self.spans is None else (prod(self.sample_shape) + 1,)

    @property
    def features(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def held(self) -> frozenset[int]:
        """Those of them that are the same at all steps of a sequence."""
        return frozenset() if self.inputs is None else frozenset(self.inputs.held.nonzero()[0].tolist())

    def arguments(self, x: torch.Tensor, *, time_first: bool) -> Arguments:
        """What the model is called with for `x` (rows, steps, *shape)."""
        x = x.transpose(0, 1) if time_first else x
        if self.spans is None and self.inputs is None:
            return Arguments((x,), {})
        spans = None
        if self.spans is not None:
            x, spans = x[..., :-1], x[..., -1]
            if self.spans.shortest > 0:
                spans = torch.clamp(spans, min=self.spans.shortest)
        return arguments(x, spans, self.inputs, self.sample_shape, time_first=time_first)

    def zeros(self, rows: int, steps: int) -> torch.Tensor:
        """Samples at rest."""
        x = torch.zeros((rows, steps, *self.shape), dtype=self.dtype)
        if self.spans is not None:
            x[..., -1] = 1.0
        return x

    def random(self, rows: int, steps: int) -> torch.Tensor:
        """Samples at random, always the same."""
        x = torch.randn((rows, steps, *self.shape), dtype=self.dtype, generator=torch.Generator().manual_seed(0))
        for channel in self.held:
            x[..., channel] = x[:, :1, channel]
        if self.spans is not None:
            low, high = self.spans.shortest, min(self.spans.longest, LONGEST)
            share = torch.rand((rows, steps), dtype=self.dtype, generator=torch.Generator().manual_seed(1))
            x[..., -1] = low + (high - low) * (0.1 + 0.8 * share)
        return x
