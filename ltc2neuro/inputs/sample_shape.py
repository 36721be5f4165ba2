"""The shape of one sample: the model takes it as it is, an image (channels, height, width); the chip gets it flat."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np


def flat(samples: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Samples (..., *shape) as (..., features).

    >>> flat(np.zeros((2, 7, 3, 4, 4)), (3, 4, 4)).shape
    (2, 7, 48)
    """
    return samples.reshape(*samples.shape[: samples.ndim - len(shape)], prod(shape))


def channel(i: int, shape: Sequence[int], name: str = "") -> str:
    """What the flat channel `i` is called: its number, or where samples have several axes its place in one; of several
    inputs with the `name` of its own.

    >>> channel(5, (8,)), channel(5, (2, 2, 2)), channel(5, (8,), "u")
    ('5', 'x[1, 0, 1]', 'u[5]')
    """
    if len(shape) < 2 and not name:
        return str(i)
    return f"{name or 'x'}[{', '.join(str(int(n)) for n in np.unravel_index(i, shape))}]"
