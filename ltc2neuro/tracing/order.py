"""Whether a model reads batch or time first: found out by recording it both ways, and held against what was said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from hw_models.errors import InputError
from ltc2neuro.layout import HOW, both_ways
from ltc2neuro.tracing.layers.recurrent import SwappedAxesError

Recorded = TypeVar("Recorded")


def in_order(
    record: Callable[[bool], Recorded],
    model: torch.nn.Module,
    batch_first: bool | None,
    shape: tuple[int, int, int],
) -> Recorded:
    """What `record(time_first)` returns, in the order that the `model` reads, batch first where it reads both.

    `batch_first` True: sequences come one by one, and either order will do. None: nobody said how the calibration's
    array of this `shape` lies, so a model that reads time first raises `InputError`. False: it is as the model takes
    it, time first, so that a model that reads batch first raises `InputError`.
    """
    first = batch_first is False
    try:
        return record(first)
    except SwappedAxesError as swapped:
        try:
            recorded = record(not first)
        except SwappedAxesError:
            raise swapped from None
        if batch_first:
            return recorded
        raise (_reads_batch_first if first else _nobody_said)(model, swapped, shape) from None


def _nobody_said(model: torch.nn.Module, swapped: SwappedAxesError, shape: tuple[int, int, int]) -> InputError:
    return InputError(
        "the model reads time first, and nobody has said whether the arrays do",
        where=_layer(model, swapped),
        numbers=f"the calibration has {both_ways(shape)}",
        advice=f"Say so: {HOW} If the layer was meant to read batch first, build it with batch_first=True.",
    )


def _reads_batch_first(model: torch.nn.Module, swapped: SwappedAxesError, _: tuple[int, int, int]) -> InputError:
    return InputError(
        "batch_first=False is for models that read time first, and this one reads batch first",
        where=_layer(model, swapped),
        advice="Leave out batch_first (in the shell: --time-first), and give arrays as the model takes them, "
        "(batch, time, features): x.transpose(0, 1) turns one that has time first.",
    )


def _layer(model: torch.nn.Module, swapped: SwappedAxesError) -> str:
    """The layer that tells the model's order: its path, kind and setting, and the user's line."""
    layer = model.get_submodule(swapped.path)
    default = ", torch's default" if isinstance(layer, torch.nn.RNNBase) and not layer.batch_first else ""
    kind = f"nn.{type(layer).__name__}" if isinstance(layer, torch.nn.RNNBase) else type(layer).__name__
    named = f"{swapped.path!r}, {kind}" if swapped.path else kind
    line = swapped.where.partition(", ")[2]
    return f"module {named} with batch_first={getattr(layer, 'batch_first', None)}{default}{', ' if line else ''}{line}"
