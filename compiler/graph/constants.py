"""Constants of a graph in the making."""

from __future__ import annotations

from collections.abc import Container, Iterable, MutableMapping
from typing import Any

import numpy as np
import numpy.typing as npt


def keep(
    constants: MutableMapping[str, npt.NDArray[Any]],
    array: npt.NDArray[Any],
    candidates: Iterable[str],
    *taken: Container[str],
) -> str:
    """Keep `array` under the first of the names that nothing has yet, or that stands for just this array.

    >>> keep({"w": np.ones(2)}, np.ones(2), ["w", "w_2"]), keep({"w": np.ones(2)}, np.zeros(2), ["w", "w_2"])
    ('w', 'w_2')
    """
    for name in candidates:
        if name in constants:
            if constants[name].dtype == array.dtype and np.array_equal(constants[name], array):
                return name
        elif not any(name in names for names in taken):
            constants[name] = array
            return name
    raise ValueError("no name is free")
