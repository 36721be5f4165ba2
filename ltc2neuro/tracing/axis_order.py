"""Whether a model reads batch or time first: found by recording it both ways, and compared with what the user said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import torch

from hw_models.errors import InputError, TraceError
from ltc2neuro.inputs.layout import HOW, both_ways
from ltc2neuro.tracing.calling.answering import NotRecordedError
from ltc2neuro.tracing.layers.scan import SwappedAxesError
from ltc2neuro.tracing.ops.shape_ops import TakenApartError

Recorded = TypeVar("Recorded")


class FailsInTorchError(TraceError):
    """The model's own operations fail on the axes in this order."""


Told: TypeAlias = SwappedAxesError | TakenApartError | FailsInTorchError
"""What tells the order: a recurrent layer, a line that takes the last step, or one that fails"""


def recorded_in_order(
    record: Callable[[bool], Recorded],
    model: torch.nn.Module,
    batch_first: bool | None,
    shape: tuple[int, ...],
) -> Recorded:
    """What `record(time_first)` returns, in the order that the `model` reads, batch first where it reads both.

    A recurrent layer tells the order, or a line such as `x[-1]`, which can only mean the last of the steps, or one
    that fails in torch, as what joins an input held over a sequence with its steps does.

    `batch_first` True: sequences come one by one, and either order will do. None: nobody said how the calibration's
    array of this `shape` lies, so a model that reads time first raises `InputError`. False: it is as the model takes
    it, time first, so that a model that reads batch first raises `InputError`.
    """
    first = batch_first is False
    try:
        return record(first)
    except (SwappedAxesError, TakenApartError, FailsInTorchError) as told:
        try:
            recorded = record(not first)
        except TraceError as other:
            no_order = isinstance(told, TakenApartError) and isinstance(other, NotRecordedError)
            if isinstance(told, FailsInTorchError) or no_order:  # of so few rows none may be a sample
                raise told from None
            if not isinstance(other, Told):
                raise
            layer_tells = isinstance(told, SwappedAxesError) and isinstance(other, TakenApartError)
            raise (other if layer_tells else told) from None
        if batch_first:
            return recorded
        raise (_reads_batch_first if first else _nobody_said)(model, told, shape) from None


def _nobody_said(model: torch.nn.Module, told: Told, shape: tuple[int, ...]) -> InputError:
    if isinstance(told, SwappedAxesError):
        kind = type(model.get_submodule(told.path)).__name__
        meant = f"If the layer was meant to read batch first, build it so: {kind}(..., batch_first=True)."
    elif isinstance(told, FailsInTorchError):
        meant = f"With the batch first it fails: {told.numbers.removesuffix('.')}."
    else:
        meant = "If the model was meant to read batch first, the last step of each row is y[:, -1]."
    return InputError(
        "the model reads time first, and it was not said whether the arrays do",
        where=_where(model, told),
        numbers=f"the calibration has {both_ways(shape)}",
        advice=f"Say so: {HOW} {meant}",
    )


def _reads_batch_first(model: torch.nn.Module, told: Told, _: tuple[int, ...]) -> InputError:
    return InputError(
        "batch_first=False is for models that read time first, and this one reads batch first",
        where=_where(model, told),
        advice="Leave out batch_first=False, and give arrays as the model takes them, "
        "(batch, time, features): x.transpose(0, 1) turns one that has time first.",
    )


def _where(model: torch.nn.Module, told: Told) -> str:
    """What tells the model's order: the layer's path, kind and setting, and the user's line."""
    return _layer(model, told) if isinstance(told, SwappedAxesError) else told.where


def _layer(model: torch.nn.Module, swapped: SwappedAxesError) -> str:
    layer = model.get_submodule(swapped.path)
    default = ", torch's default" if isinstance(layer, torch.nn.RNNBase) and not layer.batch_first else ""
    kind = f"nn.{type(layer).__name__}" if isinstance(layer, torch.nn.RNNBase) else type(layer).__name__
    named = f"{swapped.path!r}, {kind}" if swapped.path else kind
    line = swapped.where.partition(", ")[2]
    return f"module {named} with batch_first={getattr(layer, 'batch_first', None)}{default}{', ' if line else ''}{line}"
