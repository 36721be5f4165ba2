"""Checks of arguments that several of the public functions take."""

from __future__ import annotations

from compiler.mapping.options import Options
from hw_models.arguments import check_real, shown
from hw_models.errors import InputError
from ltc2neuro.extras import TORCH


def check_module(model: object) -> None:
    """Raise `InputError` unless it is a torch module, `MissingExtraError` where torch is not installed."""
    TORCH.require()
    import torch

    if isinstance(model, torch.nn.Module):
        return
    kind = f"the class {model.__name__}" if isinstance(model, type) else shown(model)
    raise InputError(
        "a torch.nn.Module is expected",
        numbers=f"given {kind}",
        advice="Give the model first, then the data: compile(model, x). For a class, give an instance; for a file, "
        "what load, from_onnx or from_nir of ltc2neuro returns for it.",
    )


def check_dt(dt: object, timespans: object) -> float:
    """The time that a sample stands for. Raises `InputError` unless it is above 0, and 1 where there are time spans."""
    found = check_real(dt, "dt", above=0)
    if timespans is not None and found != 1.0:
        raise InputError("dt and timespans exclude one another", numbers=f"dt = {dt}", advice="Leave out one of them.")
    return found


def check_options(options: object) -> None:
    """Raise `InputError` unless they are those of a mapping, or None."""
    if options is not None and not isinstance(options, Options):
        raise InputError(
            "options must be Options",
            numbers=f"options = {shown(options)}",
            advice="Such as ltc2neuro.Options(ltc2neuro.Overlap.LAYERS).",
        )
