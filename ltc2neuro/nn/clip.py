"""`CellClip`: the limit that some published cells set to their state, called cell_clip there."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from hw_models.arguments import check_real
from ltc2neuro.nn.states import Bound


@dataclass(frozen=True)
class CellClip:
    """Keeps a state within -limit ... limit; None is no limit.

    >>> CellClip(0.5)(torch.tensor([-3.0, 0.2]))
    tensor([-0.5000,  0.2000])
    >>> CellClip(0.5).bound((0.0, 1.0)), CellClip(0.5).bound(None), CellClip(None).bound((0.0, 1.0))
    ((0.0, 0.5), (-0.5, 0.5), (0.0, 1.0))
    """

    limit: float | None

    def __post_init__(self) -> None:
        if self.limit is not None:
            check_real(self.limit, "cell_clip", above=0)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """`x` within the limit."""
        return x if self.limit is None else torch.clamp(x, -self.limit, self.limit)

    def bound(self, bound: Bound | None) -> Bound | None:
        """The bound of a state that has this `bound` without the limit, which is on both sides of 0."""
        if self.limit is None:
            return bound
        low, high = bound or (-self.limit, self.limit)
        if isinstance(low, torch.Tensor) or isinstance(high, torch.Tensor):
            return self(torch.as_tensor(low)), self(torch.as_tensor(high))
        return max(low, -self.limit), min(high, self.limit)
