"""Types of arrays that all packages name alike."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = np.ndarray
"""Of any type, where each is what it must be"""
AnyArray: TypeAlias = npt.NDArray[np.generic]
"""Of a type that is to be looked at first"""
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
