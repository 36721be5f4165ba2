"""The known answer in a file: whether it is one that its network could have given."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ltc2neuro.compiled.record import KnownAnswer


def problem_of(known: KnownAnswer, channels: int, outputs: int, states: Mapping[str, int]) -> str:
    """What does not fit a network of this many channels and outputs and of states of these sizes; empty where all does.

    Raises `ValueError` where the known sequence has not three axes.
    """
    batch, steps, features = known.x.shape
    arrays = [known.integers, *known.states.values()]
    shapes = {name: (batch, steps, size) for name, size in states.items()}
    fits = features == channels and {n: s.shape for n, s in known.states.items()} == shapes
    if not fits or known.integers.shape != (batch, steps, outputs) or any(a.dtype != np.int64 for a in arrays):
        return "its known answer does not fit the network"
    if known.x.dtype not in (np.float32, np.float64):
        return f"its known sequence is of {known.x.dtype}"
    return "" if np.all(np.isfinite(known.x)) else "its known sequence is not finite"
