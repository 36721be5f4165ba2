"""What the host computes beside the chip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw_models.arrays import Floats


@dataclass(frozen=True)
class HostMap:
    """What the host computes beside the chip, channel by channel: x * scale + offset."""

    scale: Floats
    offset: Floats

    def __call__(self, x: Floats, out: Floats | None = None) -> Floats:
        """`x` (..., channels) mapped, into `out` where it is given."""
        scale, offset, shape = self.scale, self.offset, x.shape
        if out is None and x.ndim > 1 and x.flags.c_contiguous:  # a row of all steps in one go, not one a step
            x, scale, offset = (
                x.reshape(*shape[:-2], shape[-2] * shape[-1]),
                *(np.tile(part, shape[-2]) for part in (scale, offset)),
            )
        mapped = np.multiply(x, scale, out=out)
        mapped += offset
        return mapped.reshape(shape)
