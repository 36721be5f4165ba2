"""Layers that a model calls and torch does not know of: in a Python list or dict, or made by a function."""

from __future__ import annotations

from collections.abc import Container

import torch

from hw_models.errors import TraceError
from ltc2neuro.tracing.recording.source import frames

ADVICE = (
    "Torch does not know this layer as part of the model: .eval(), .double() and state_dict() pass it by, and so does "
    "tracing. Keep it as an attribute, or in nn.ModuleList or nn.ModuleDict in place of a Python list or dict."
)


class HiddenLayerError(TraceError):
    """What a layer does that torch does not know as part of the model."""


def hidden_layer(known: Container[int]) -> str | None:
    """The type of the innermost module that is being executed, if its identity is not among the `known`.

    A module that `hosts` others, as one around a Keras layer does, has them run in it on its own weights. One that has
    no numbers, as `nn.ReLU()(x)` in forward, may be made anew at each call.
    """
    found: str | None = None
    for frame in frames():
        module = frame.f_locals.get("self")
        if isinstance(module, torch.nn.Module):
            if id(module) in known:
                return None if getattr(module, "hosts", False) else found
            found = found or (type(module).__name__ if _is_the_models(module) else None)
    return found


def _is_the_models(module: torch.nn.Module) -> bool:
    """Whether what it does depends on numbers that it has, or on whether the model is trained."""
    numbers = any(True for _ in module.parameters()) or any(True for _ in module.buffers())
    return numbers or isinstance(module, torch.nn.modules.dropout._DropoutNd)
