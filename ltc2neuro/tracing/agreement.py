"""Whether a model in torch still computes what a stored float graph does: the proof's comparison, on a user's data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from hw_models.arrays import Floats, by_length
from ltc2neuro.compiled.record import BaseRecord
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.dtype import model_dtype
from ltc2neuro.tracing.calling.modules import undisturbed, unwrapped
from ltc2neuro.tracing.proof.failures import DiffersError, is_output
from ltc2neuro.tracing.proof.probes import MOST_TOGETHER, Probe
from ltc2neuro.tracing.proof.proof import ALLOWED, Subject, compared


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


def agree(model: torch.nn.Module, record: BaseRecord, sequences: Sequence[Floats], calling: Calling) -> Agreement:
    """Compare torch and a network's float graph over sequences (time, channels), in the arithmetic of its proof.

    `calling` says how the model is called. Where it is timed, the last channel is the time before each sample.
    """
    model, calling = unwrapped(model), replace(calling, tokens=record.tokens)
    proved_in = None if record.evidence is None else record.evidence.arithmetic
    exact = torch.float64 if proved_in == "float64" else model_dtype(model)
    name = str(exact).removeprefix("torch.")
    largest = amplified = 0.0
    with undisturbed():
        for numbers in by_length(sequences, most=MOST_TOGETHER):
            x = np.stack([sequences[n] for n in numbers])
            probe = Probe("your data", x, tuple(f"sequence {n}" for n in numbers), own=True)
            try:
                found = compared(Subject(model, record.float_graph, calling, ()), probe, exact)
            except DiffersError as error:
                return Agreement(name, error.relative, ALLOWED[exact], 0.0, error.numbers)
            largest = max([largest, *(d for value, d in found.differences.items() if is_output(value))])
            amplified = max([amplified, *(d for value, d in found.amplified.items() if is_output(value))])
    return Agreement(name, largest, ALLOWED[exact], amplified, "")
