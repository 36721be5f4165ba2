"""What users ask for, checked: the arguments that `compile` and `check` have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compiler.quantize.precision import Precision, precision_for
from hw_models.chip import Chip, load_chip
from hw_models.errors import InputError
from ltc2neuro.extras import TORCH
from ltc2neuro.inputs.arguments import check_dt, check_module
from ltc2neuro.inputs.arrays import Samples, Sequences, as_sequences, with_timespans
from ltc2neuro.inputs.layout import Layout, check_batch_first

if TYPE_CHECKING:
    import torch

    from ltc2neuro.compilation.stages import Asked


def ask(
    model: torch.nn.Module,
    calibration: Samples,
    *,
    timespans: Samples | None,
    chip: str | Path | Chip,
    precision: Precision | str | None,
    dt: float,
    batch_first: bool | None,
) -> Asked:
    """The arguments checked, as the stages take them. Raises `InputError`, `ChipError`, `MissingExtraError`."""
    dt = check_dt(dt, timespans)
    check_module(model)
    batch_first = check_batch_first(batch_first)
    samples = as_sequences(calibration, None, "calibration", Layout(batch_first is False, batch_first is False))
    _check(samples)
    timed = timespans is not None
    sequences = with_timespans(samples, timespans, 0.0 if timed else None)
    target = load_chip(chip)
    exact = precision_for(target, precision)
    TORCH.require()
    from ltc2neuro.compilation.stages import Asked

    return Asked(model, samples, sequences, target, exact, dt, batch_first, timed)


def _check(sequences: Sequences) -> None:
    if not sequences.arrays or any(a.shape[0] == 0 for a in sequences.arrays):
        raise InputError("calibration is empty", advice="Give at least one sequence with at least one sample.")
    features = {a.shape[1] for a in sequences.arrays}
    if len(features) > 1:
        raise InputError("calibration sequences differ in their features", numbers=f"{sorted(features)}")
