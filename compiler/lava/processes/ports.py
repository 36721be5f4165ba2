"""Ports and variables of models: Lava puts what is described here in the attribute's place."""

from __future__ import annotations

from typing import cast

import numpy as np
from lava.magma.core.model.py.ports import PyInPort, PyInPortVectorDense, PyOutPort, PyOutPortVectorDense
from lava.magma.core.model.py.type import LavaPyType


def received(kind: type[np.integer] = np.int32) -> PyInPortVectorDense:
    """A port at which integers arrive."""
    return cast("PyInPortVectorDense", LavaPyType(PyInPort.VEC_DENSE, kind, precision=24))


def sent() -> PyOutPortVectorDense:
    """A port that sends integers."""
    return cast("PyOutPortVectorDense", LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24))


def variable() -> np.ndarray:
    """Integers that can be read and set from outside."""
    return cast("np.ndarray", LavaPyType(np.ndarray, np.int32, precision=24))
