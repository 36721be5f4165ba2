"""Models that keep a state in an attribute: torch goes on from it at its next call, a network starts anew."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch

from hw_models.arrays import Floats
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.forward import first_steps, forward, with_time
from ltc2neuro.tracing.calling.modules import instrumented, undisturbed


def warn_of_kept_states(
    model: torch.nn.Module, calling: Calling, sequences: Sequence[Floats], dtype: torch.dtype, stacklevel: int
) -> None:
    """One warning where what the model keeps from a call changes what it answers at the next."""
    x, kept = first_steps(sequences, 1, 2), set[str]()
    with undisturbed():
        try:
            forward(instrumented(model, with_time(model, calling.dt), dtype, kept), x, dtype, calling)
        except Exception:  # on a single row: the proof left this out and counted it
            return
        if not kept:
            return
        on = instrumented(model, with_time(model, calling.dt), dtype, anew=False)
        calls = [forward(on, x, dtype, calling) for _ in range(2)]
    if not all(np.array_equal(*pair, equal_nan=True) for pair in zip(*calls, strict=True)):
        names = ", ".join(f"self.{name}" for name in sorted(kept))
        warnings.warn(
            f"the model keeps {names} from call to call, and in torch the next call goes on from there. The network "
            "starts each sequence from what the model holds now; stream() goes on from sample to sample.",
            stacklevel=stacklevel + 1,
        )
