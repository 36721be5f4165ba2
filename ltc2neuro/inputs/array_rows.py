"""`ArrayRows`: the sequences of one array."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import overload

import numpy as np

from hw_models.arrays import Floats


class ArrayRows(Sequence[Floats]):
    """The sequences of one array, which are made float64 when the first of them is asked for."""

    def __init__(self, whole: np.ndarray) -> None:
        self._whole = whole

    @cached_property
    def _rows(self) -> tuple[Floats, ...]:
        return tuple(np.asarray(self._whole, np.float64))

    def __reduce__(self) -> tuple[type[ArrayRows], tuple[np.ndarray]]:
        return ArrayRows, (self._whole,)  # not each sequence once more

    def __len__(self) -> int:
        return len(self._whole)

    @overload
    def __getitem__(self, index: int) -> Floats: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Floats, ...]: ...
    def __getitem__(self, index: int | slice) -> Floats | tuple[Floats, ...]:
        return self._rows[index]
