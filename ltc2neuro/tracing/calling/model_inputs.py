"""What a model is given of whole sequences: its input or several, and the time before each sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch

from ltc2neuro.inputs.several import Inputs
from ltc2neuro.inputs.tokens import Tokens
from ltc2neuro.tracing.calling.arguments import Arguments, SampleForm, arguments
from ltc2neuro.tracing.ops.embedding import are_tokens, numbers_of
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
    timespans: Times | None = None
    vocabulary: int = 0
    """how many tokens are tried, where samples are tokens"""

    @property
    def shape(self) -> tuple[int, ...]:
        """That of a sample in a tensor."""
        return self.sample_shape if self.timespans is None else (prod(self.sample_shape) + 1,)

    @property
    def channels(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    @property
    def held(self) -> frozenset[int]:
        """Those of them that are the same at all steps of a sequence."""
        return frozenset() if self.inputs is None else frozenset(self.inputs.held.nonzero()[0].tolist())

    def tokens(self, steps: int) -> Tokens | None:
        """What is known of a sample that holds so many steps, where it has tokens."""
        if not self.vocabulary:
            return None
        own = [*(() if self.inputs is None else self.inputs.numbers), *range(prod(self.sample_shape), self.channels)]
        return Tokens(
            steps * self.channels, numbers=tuple(step * self.channels + n for step in range(steps) for n in own)
        )

    def arguments(self, x: torch.Tensor, *, time_first: bool) -> Arguments:
        """What the model is called with for `x` (rows, steps, *shape)."""
        x = x.transpose(0, 1) if time_first else x
        tokens = timespans = None
        if self.vocabulary:
            x, tokens = (numbers_of(x, self.dtype), x) if are_tokens(x) else (x, x.long())
        if self.timespans is not None:
            x, timespans = x[..., :-1], x[..., -1]
            if self.timespans.shortest > 0:
                timespans = torch.clamp(timespans, min=self.timespans.shortest)
            tokens = None if tokens is None else tokens[..., :-1]
        x = x if tokens is None or self.inputs is not None else tokens
        return arguments(SampleForm(self.inputs, self.sample_shape, time_first), x, timespans, tokens)

    def zeros(self, rows: int, steps: int) -> torch.Tensor:
        """Samples at rest."""
        x = torch.zeros((rows, steps, *self.shape), dtype=self.dtype)
        if self.timespans is not None:
            x[..., -1] = 1.0
        return x

    def random(self, rows: int, steps: int) -> torch.Tensor:
        """Samples at random, always the same."""
        x = torch.randn((rows, steps, *self.shape), dtype=self.dtype, generator=torch.Generator().manual_seed(0))
        if self.vocabulary:
            tokens = torch.randint(self.vocabulary, x.shape, generator=torch.Generator().manual_seed(0)).to(self.dtype)
            for channel in self.inputs.numbers if self.inputs is not None else ():
                tokens[..., channel] = x[..., channel]
            x = tokens
        for channel in self.held:
            x[..., channel] = x[:, :1, channel]
        if self.timespans is not None:
            low, high = self.timespans.shortest, min(self.timespans.longest, LONGEST)
            share = torch.rand((rows, steps), dtype=self.dtype, generator=torch.Generator().manual_seed(1))
            x[..., -1] = low + (high - low) * (0.1 + 0.8 * share)
        return x
