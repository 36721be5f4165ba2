"""NIR's neurons as torch modules: a step of Euler of its equations, states flat.

With a = dt / tau, a leaky variable is x' = (1 - a) x + a input. A synapse comes before its membrane, which reads the
new current; a neuron spikes where the new potential is above its threshold, and is then reset. All start at 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from hw_models.arrays import Floats
from ltc2neuro.nn.spikes import spike

States = tuple[torch.Tensor, ...]


class Leak(nn.Module):
    """x' = keep x + gain input + rest: a leaky or, where `keep` is 1, a plain integrator."""

    grows: bool

    keep: torch.Tensor | None
    gain: torch.Tensor | None
    rest: torch.Tensor | None

    def __init__(self, keep: Floats, gain: Floats, rest: Floats) -> None:
        super().__init__()
        self.grows = bool(np.any(keep >= 1))
        self.register_buffer("keep", _constant(keep, 1.0))
        self.register_buffer("gain", _constant(gain, 1.0))
        self.register_buffer("rest", _constant(rest, 0.0))

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        """The new state (batch, size) from the input and the state, both of that shape."""
        kept = state if self.keep is None else state * self.keep
        driven = kept + (x if self.gain is None else x * self.gain)
        return driven if self.rest is None else driven + self.rest


class NeuronChain(nn.Module):
    """Integrators in a chain, synapse then membrane or the membrane alone; the potential is the answer."""

    chain: nn.ModuleList
    state_names: tuple[str, ...]
    unbounded: tuple[str, ...]

    spikes = False

    def __init__(self, chain: Sequence[Leak]) -> None:
        super().__init__()
        self.chain = nn.ModuleList(chain)
        self.state_names = ("u", "v")[-len(chain) :]
        leaky = [not leak.grows for leak in chain]
        self.unbounded = tuple(name for n, name in enumerate(self.state_names) if not all(leaky[: n + 1]))
        """The states that may grow without bound: what does not leak, and what follows it"""

    def potential(self, x: torch.Tensor, states: States) -> States:
        """The new states before any reset, the potential last."""
        new = []
        for leak, state in zip(self.chain, states, strict=True):
            x = leak(x, state)
            new.append(x)
        return tuple(new)

    def forward(self, x: torch.Tensor, states: States) -> tuple[torch.Tensor, States]:
        """Answer and new states, (batch, size) each."""
        new = self.potential(x, states)
        return new[-1], new


class Spiking(NeuronChain):
    """The same with a threshold: spikes, 0 or 1, are the answer, and where it spikes the potential is `reset`."""

    spikes = True
    threshold: torch.Tensor
    reset: torch.Tensor

    def __init__(self, chain: Sequence[Leak], threshold: Floats, reset: Floats) -> None:
        super().__init__(chain)
        self.register_buffer("threshold", _constant(threshold))
        self.register_buffer("reset", _constant(reset))

    def forward(self, x: torch.Tensor, states: States) -> tuple[torch.Tensor, States]:
        """Spikes and new states, (batch, size) each."""
        *currents, v = self.potential(x, states)
        return spike(v - self.threshold), (*currents, torch.where(v > self.threshold, self.reset, v))


class Subtracting(Spiking):
    """The same, but for the sample after a spike the threshold is subtracted: snntorch's default, not of NIR."""

    def forward(self, x: torch.Tensor, states: States) -> tuple[torch.Tensor, States]:
        """Spikes and new states, (batch, size) each."""
        *currents, v = self.potential(x, states)
        v = v - spike(states[-1] - self.threshold) * self.threshold
        return spike(v - self.threshold), (*currents, v)


class Scale(nn.Module):
    """y = scale x."""

    scale: torch.Tensor

    def __init__(self, scale: Floats) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.get_default_dtype()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of the shape of `x`, (batch, ...)."""
        return x * self.scale


class Threshold(nn.Module):
    """1 where x is above the threshold, else 0."""

    threshold: torch.Tensor

    def __init__(self, threshold: Floats) -> None:
        super().__init__()
        self.register_buffer("threshold", torch.tensor(threshold, dtype=torch.get_default_dtype()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of the shape of `x`, (batch, ...)."""
        return spike(x - self.threshold)


class SumPool2d(nn.Module):
    """Sums over windows: means times the windows' size, padding counted as zeros."""

    mean: nn.AvgPool2d

    def __init__(self, kernel_size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> None:
        super().__init__()
        self.mean = nn.AvgPool2d(kernel_size, stride, padding, divisor_override=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, channels, height, width) to fewer places."""
        return self.mean(x)


def _constant(values: Floats, without: float | None = None) -> torch.Tensor | None:
    """A constant for the neurons, a single element where all are alike; None where all are `without`."""
    flat = values.reshape(-1)
    if flat.size and np.all(flat == flat[0]):
        flat = flat[:1]
    if without is not None and flat.size == 1 and flat[0] == without:
        return None
    return torch.tensor(flat, dtype=torch.get_default_dtype())
