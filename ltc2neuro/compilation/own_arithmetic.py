"""What a model loses in its own floating-point type: the network is the model in float64."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch

from compiler.graph import Graph
from compiler.interpreters.float64 import run_float
from hw_models.arrays import Floats
from ltc2neuro.metrics import Worst, worst_channel
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.dtype import model_dtype
from ltc2neuro.tracing.calling.forward import first_steps, forward, with_time
from ltc2neuro.tracing.calling.modules import instrumented, undisturbed

POOR_DB = 30.0
"""In dB: below it a warning says so."""
ROWS, STEPS = 2, 8
"""How much of the calibration is tried: little, as the traced graph is not simplified yet, and slow"""


def warn_of_own_arithmetic(
    model: torch.nn.Module, calling: Calling, graph: Graph, sequences: Sequence[Floats], stacklevel: int
) -> None:
    """One warning where torch's own answers are far from the same model in float64, which is what is compiled.

    `sequences` are (time, features), the time before each sample as the last of them where `calling` is timed.
    """
    own = model_dtype(model)
    if own == torch.float64:
        return
    lost = own_loss(model, calling, graph, sequences, own)
    if lost.channel is None or lost.decibels >= POOR_DB:
        return
    name = str(own).removeprefix("torch.")
    warnings.warn(
        f"in {name}, its own type, the model itself keeps only {lost.decibels:.1f} dB of what it computes in float64, "
        f"in channel {calling.answers.place(lost.channel)}: the network computes what float64 does, so that "
        "net(x) is not model(x) there. Large terms that cancel do that, such as (x + 1e6) - 1e6, and inputs that vary "
        "little for their size. model.double() shows what the network returns.",
        stacklevel=stacklevel + 1,
    )


def own_loss(
    model: torch.nn.Module, calling: Calling, graph: Graph, sequences: Sequence[Floats], own: torch.dtype
) -> Worst:
    """The worst channel of torch's answers in the type `own`, against the float `graph`, on a few steps."""
    steps = STEPS - min(0, *(a.over.latest for a in calling.answers.each))  # as many as are left out
    x = torch.tensor(first_steps(sequences, ROWS, steps)).to(own).double().numpy()
    with undisturbed(), np.errstate(all="ignore"):
        found = forward(instrumented(model, with_time(model, calling.dt)), x, own, calling)
    exact = calling.answers.shaped(run_float(graph, calling.entering(x)).outputs)
    return worst_channel(calling.answers.channel_sqnr([exact], [found]))
