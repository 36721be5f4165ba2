"""What a model in training mode computes differently from its network, which is that of `eval()`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.instancenorm import _InstanceNorm

from hw_models.arrays import Floats
from ltc2neuro.tracing.calling.call_convention import Calling
from ltc2neuro.tracing.calling.forward import first_steps, forward, with_time
from ltc2neuro.tracing.calling.modules import instrumented, undisturbed, unwrapped

NAMED = 6
"""How many modules are named; the others are counted."""
ROWS, STEPS = 4, 8
"""How much of the calibration both modes answer: what reads self.training does so in every call"""
ALIKE = 1e-5
"""As a part of the largest answer: what differs by no more is rounding."""


def training_modules(model: nn.Module) -> list[str]:
    """The modules, by path and type, that are in training mode and compute something else in it."""
    return [f"{path or 'the model'} ({type(m).__name__})" for path, m in model.named_modules() if _differs(m)]


def warn_of_training(model: nn.Module, calling: Calling, sequences: Sequence[Floats], stacklevel: int) -> None:
    """One warning where it matters that the model is compiled as in evaluation mode; its own flag is left alone.

    `sequences` are (time, features), the time before each sample as the last of them where `calling` is timed.
    """
    found = training_modules(model)
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        what = f", which changes what is computed by {', '.join(found[:NAMED])}{more}"
    elif any(m.training for m in model.modules()) and _answers_differ(model, calling, sequences):
        what = ", in which torch answers otherwise: forward() reads self.training"
    else:
        return
    warnings.warn(
        f"the model is in training mode, and is compiled as in evaluation mode{what}. Call model.eval() before "
        "comparing the network with it; the model is left as it is.",
        stacklevel=stacklevel + 1,
    )


def _answers_differ(model: nn.Module, calling: Calling, sequences: Sequence[Floats]) -> bool:
    """Whether a copy answers otherwise in the modes that the model's modules are in; no where it cannot answer."""
    x = first_steps(sequences, ROWS, STEPS)
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.get_default_dtype())
    with undisturbed():
        evaluated, trained = (instrumented(model, with_time(model, calling.dt)) for _ in range(2))
        modes = [m.training for m in unwrapped(model).modules()]
        for module, mode in zip(trained.modules(), modes, strict=True):
            module.training = mode
        try:
            pairs = list(zip(*(forward(m, x, dtype, calling) for m in (evaluated, trained)), strict=True))
        except Exception:  # the user's code: batch statistics of one value, for example
            return False
    return any(_differ(y, z) for y, z in pairs)


def _differ(y: Floats, z: Floats) -> bool:
    near = ALIKE * np.abs(y).max(where=np.isfinite(y), initial=0.0)
    return y.shape != z.shape or not np.allclose(y, z, rtol=0.0, atol=near, equal_nan=True)


def _differs(module: nn.Module) -> bool:
    if not module.training:
        return False
    if isinstance(module, _DropoutNd):
        return module.p > 0
    if isinstance(module, _BatchNorm):
        return True
    if isinstance(module, _InstanceNorm):
        return module.track_running_stats
    if isinstance(module, nn.RNNBase):
        return module.dropout > 0 and module.num_layers > 1
    if isinstance(module, nn.MultiheadAttention):
        return module.dropout > 0
    return isinstance(module, (nn.RReLU, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d))


__all__ = ["training_modules", "warn_of_training"]
