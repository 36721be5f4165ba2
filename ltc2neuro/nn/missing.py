"""Missing values: NaN in torch, a mask channel on the chip, which has no NaN."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch


class Missing(torch.nn.Module):
    """A model whose samples hold NaN where a value is missing, as one of values and masks.

    `model` takes (batch, time, features) and asks `torch.isnan` or calls `torch.nan_to_num`. This one takes (batch,
    time, 2 features): the values, with any number where one is missing, then 1 where one is missing and 0 elsewhere.
    `with_masks` makes them. What the number is must not matter to the model; the proof of the trace tries that.

    >>> class Seen(torch.nn.Module):
    ...     def forward(self, x):
    ...         return torch.cat([torch.nan_to_num(x), torch.isnan(x).float()], -1)
    >>> Missing(Seen())(torch.tensor(with_masks([[[2.0, np.nan]]]))).tolist()
    [[[2.0, 0.0, 0.0, 1.0]]]
    """

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the model answers."""
        values, missing = x.chunk(2, -1)
        return self.model(torch.where(missing > 0.5, torch.nan, values))


def with_masks(x: npt.ArrayLike, number: float = 0.0) -> npt.NDArray[np.floating]:
    """Values and masks, (..., 2 features), of samples (..., features) with NaN; a missing value becomes `number`.

    Of the type of `x`, float64 where that is none with a point.

    Choose a number within the values' range: what is far from it would cost them precision.

    >>> with_masks([1.0, np.nan]).tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    given = np.asarray(x)
    array = given if np.issubdtype(given.dtype, np.floating) else given.astype(np.float64)
    missing = np.isnan(array)
    return np.concatenate([np.where(missing, array.dtype.type(number), array), missing], axis=-1, dtype=array.dtype)
