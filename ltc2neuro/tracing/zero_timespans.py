"""Whether a model that is given time spans is defined where one is 0: two samples at the same moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.graph import Graph
from compiler.interpreters.execution import prepare
from compiler.interpreters.float64 import KERNELS
from hw_models.arrays import Array, Floats
from hw_models.errors import InputError

_STEPS = 3


def undefined_at_zero(graph: Graph, sequence: Floats) -> str | None:
    """The first value that is not finite where the time spans, the last channel of `sequence`, are 0; None for none.

    `graph` takes time spans as they are.
    """
    found: list[str] = []

    def see(name: str, value: Array) -> None:
        if not found and not np.all(np.isfinite(value)):
            found.append(name)

    program, x = prepare(graph, KERNELS), np.array(sequence[None, :_STEPS], np.float64)
    x[..., -1] = 0.0
    with np.errstate(all="ignore"):
        program.run(x, observe=see)
    return found[0] if found else None


def refuse_zero(graph: Graph, value: str, sequences: Sequence[Floats]) -> InputError:
    """The error of time spans of 0 in the calibration of a model that is not defined there."""
    timespans = np.concatenate([s[:, -1] for s in sequences])
    zeros, others = int(np.sum(timespans == 0)), timespans[timespans > 0]
    least = f"; the smallest other is {others.min():.6g}" if others.size else ""
    known = graph.values.get(value)
    return InputError(
        "a time span is 0, and this model divides by it, or is not finite there",
        where="; ".join([value, *(known.lines if known is not None else ())]),
        numbers=f"{zeros} of {timespans.size} time spans are 0{least}",
        advice="Give samples of the same moment a small time span, such as 1 % of the usual, or merge them into one.",
    )
