"""Whether a model in torch still computes what a stored float graph does: the proof's comparison, on a user's data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from compiler.graph import Graph
from hw_models.errors import ProofError
from ltc2neuro.tracing.calling import Calling, by_length
from ltc2neuro.tracing.model import model_dtype
from ltc2neuro.tracing.modules import undisturbed, unwrapped
from ltc2neuro.tracing.probes import MOST_TOGETHER, Probe
from ltc2neuro.tracing.proof import ALLOWED, OUTPUT, Subject, compared

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """The largest difference of any output, of the largest that its channel has in that sequence; `allowed`: the limit.

    `apart` says where two outputs are further apart than rounding makes them; it is empty where all is well. Where
    rounding is `amplified`, differences up to that are explained by it.
    """

    arithmetic: str
    largest: float
    allowed: float
    amplified: float
    apart: str


def agreement(
    model: torch.nn.Module, graph: Graph, sequences: Sequence[Floats], calling: Calling, arithmetic: str | None
) -> Agreement:
    """Compare torch and the graph over sequences (time, channels), in the `arithmetic` in which they were proved."""
    model = unwrapped(model)
    exact = torch.float64 if arithmetic == "float64" else model_dtype(model)
    name = str(exact).removeprefix("torch.")
    largest = amplified = 0.0
    with undisturbed():
        for numbers in by_length(sequences, most=MOST_TOGETHER):
            x = np.stack([sequences[n] for n in numbers])
            probe = Probe("your data", x, tuple(f"sequence {n}" for n in numbers), own=True)
            try:
                found = compared(Subject(model, graph, calling, ()), probe, exact)
            except ProofError as error:
                return Agreement(name, float("nan"), ALLOWED[exact], 0.0, error.numbers or error.what)
            largest = max(largest, found.differences.get(OUTPUT, 0.0))
            amplified = max(amplified, found.amplified.get(OUTPUT, 0.0))
    return Agreement(name, largest, ALLOWED[exact], amplified, "")
