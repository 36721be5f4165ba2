"""What a model in training mode does otherwise than the network that it is compiled to, which is that of `eval()`."""

from __future__ import annotations

import warnings

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.instancenorm import _InstanceNorm

NAMED = 6
"""So many modules are named; of the others the number is."""


def training_modules(model: nn.Module) -> list[str]:
    """The modules, by path and type, that are in training mode and compute something else in it."""
    return [f"{path or 'the model'} ({type(m).__name__})" for path, m in model.named_modules() if _differs(m)]


def warn_of_training(model: nn.Module, stacklevel: int) -> None:
    """One warning where it matters that the model is compiled as in evaluation mode; its own flag is left alone."""
    found = training_modules(model)
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        warnings.warn(
            f"the model is in training mode, and is compiled as in evaluation mode, which changes what is computed by "
            f"{', '.join(found[:NAMED])}{more}. Call model.eval() before comparing the network with it; the model is "
            "left as it is.",
            stacklevel=stacklevel + 1,
        )


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
