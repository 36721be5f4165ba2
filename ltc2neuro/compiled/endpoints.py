"""Where samples enter a compiled network and answers leave it: real values as integers, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from compiler.graph.host_map import HostMap
from hw_models.arrays import Floats, Integers
from ltc2neuro.compiled.clipped import user_ends


@dataclass(frozen=True)
class InputEnd:
    """How samples (..., channels) become integers: the host's map, then rounding to LSB between `low` and `high`."""

    host: HostMap
    lsb: Floats | float
    low: int
    high: int
    half_up: bool = True
    """whether halves are rounded up, or to even integers"""

    def scaled(self, x: Floats) -> Floats:
        """Samples in LSB, unrounded."""
        scaled = self.host(x)
        scaled /= self.lsb
        return scaled

    def quantize(self, x: Floats) -> tuple[Integers, Integers]:
        """Samples as integers, and how often each channel was clipped."""
        scaled = self.scaled(x)
        rounded = np.floor(np.add(scaled, 0.5, out=scaled), out=scaled) if self.half_up else np.rint(scaled)
        if rounded.size and self.low <= rounded.min() and rounded.max() <= self.high:
            return rounded.astype(np.int64), np.zeros(rounded.shape[-1], np.int64)
        clipped = np.clip(rounded, self.low, self.high)
        counts = np.count_nonzero(clipped != rounded, axis=tuple(range(rounded.ndim - 1)))
        return clipped.astype(np.int64), np.asarray(counts)

    @cached_property
    def user_range(self) -> tuple[Floats, Floats]:
        """The range within which each channel is not clipped, in the user's units, the time span's last."""
        return user_ends(self.low * self.lsb, self.high * self.lsb, self.host.scale, self.host.offset)


@dataclass(frozen=True)
class OutputEnd:
    """What integers (..., outputs) that leave mean: this many LSB, and the host's map."""

    host: HostMap
    lsb: Floats | float

    @property
    def size(self) -> int:
        """How many leave after each sample."""
        return self.host.scale.size

    def __call__(self, integers: Floats) -> Floats:
        """In the model's units; unrounded integers, too."""
        real = integers * self.lsb
        return real if self._same else self.host(real, out=real)

    @cached_property
    def _same(self) -> bool:
        """Whether the host's map changes nothing."""
        return bool(np.all(self.host.scale == 1) and np.all(self.host.offset == 0))
