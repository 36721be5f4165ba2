"""What users ask for, checked: the arguments that `compile` and `check` have in common."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from compiler.quantize.precision import Precision, precision_for
from hw_models.arrays import Floats
from hw_models.chip import Chip, load_chip
from hw_models.errors import InputError
from ltc2neuro.extras import TORCH
from ltc2neuro.frontends.keras.model_argument import entered, prove_entered
from ltc2neuro.inputs.arguments import check_dt
from ltc2neuro.inputs.arrays import Calibration, Samples, Sequences, as_sequences, with_timespans
from ltc2neuro.inputs.batches import gathered, inputs_of, is_stream
from ltc2neuro.inputs.layout import Layout, check_batch_first
from ltc2neuro.inputs.several import (
    TIMESPANS,
    Inlet,
    Inputs,
    by_name,
    check_all,
    is_several,
    join_inputs,
    single,
    without_times,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Asked:
    """What is to be compiled, checked."""

    model: torch.nn.Module
    samples: Sequences
    """the calibration without time spans"""
    sequences: Sequences
    """the calibration with time spans, where there are any: they are the last channel"""
    chip: Chip
    precision: Precision
    dt: float
    batch_first: bool | None
    timed: bool
    inputs: Inputs | None = None
    """what each sample was put together from, of a model that takes several"""

    @property
    def timespans(self) -> list[Floats] | None:
        """The time before each sample of the calibration."""
        return [a[:, -1] for a in self.sequences.arrays] if self.timed else None


@dataclass(frozen=True)
class Settings:
    """How a model is to be compiled: arguments that `compile` and `check` share, as users give them."""

    timespans: Samples | None
    chip: str | Path | Chip
    precision: Precision | str | None
    dt: float
    batch_first: bool | None


def ask(model: torch.nn.Module, calibration: Calibration | Inlet, how: Settings) -> Asked:
    """The arguments checked, as the stages take them. Raises `InputError`, `ChipError`, `MissingExtraError`."""
    module, timespans = entered(model), how.timespans
    batch_first = check_batch_first(how.batch_first)
    layout = Layout(batch_first is False, batch_first is False)
    if is_stream(calibration):
        samples, inputs = _of_batches(module, calibration, timespans, layout)
    else:
        samples, inputs, timespans = _taken(module, cast("Inlet", calibration), timespans, layout)
    dt = check_dt(how.dt, timespans)
    _check(samples)
    timed = timespans is not None
    sequences = with_timespans(samples, timespans, 0.0 if timed else None)
    target = load_chip(how.chip)
    exact = precision_for(target, how.precision)
    TORCH.require()
    asked = Asked(module, samples, sequences, target, exact, dt, batch_first, timed, inputs)
    prove_entered(module, model, samples.shaped, asked)
    return asked


def _taken(
    model: torch.nn.Module, x: Inlet, timespans: Samples | None, layout: Layout
) -> tuple[Sequences, Inputs | None, Samples | None]:
    """The calibration as sequences, the inputs that it was put together from, and the time spans.

    Raises `InputError` where these are not the model's arguments.
    """
    from ltc2neuro.tracing.calling.arguments import needed, order_of
    from ltc2neuro.tracing.calling.modules import looks_up
    from ltc2neuro.tracing.calling.time_alone import has_time_alone, with_time_alone

    order, least = order_of(model, x), [name for name in needed(model) if name != TIMESPANS]
    several = is_several(x) or (isinstance(x, (tuple, list)) and len(least) > 1)  # a list, as Keras takes them
    if several and not order:  # of what is not written in Python no argument is known
        raise InputError(
            f"a {type(model).__name__} of several inputs is not compiled",
            advice="Let it take one, and split that: x[..., :3], x[..., 3:].",
        )
    tokens = looks_up(model)
    if not order:
        return as_sequences(single(x), None, "calibration", layout, tokens=tokens), None, timespans
    given, times = without_times(by_name(x, order) if several else {order[0]: single(x)}, timespans)
    timed = [] if times is None else [TIMESPANS]
    check_all([*given, *timed], needed(model))
    names = list(given)
    if names == [order[0]]:
        shape = () if has_time_alone(model, given[names[0]]) else None
        return as_sequences(given[names[0]], shape, "calibration", layout, tokens=tokens), None, times
    alone = with_time_alone(model, given)
    samples, each = join_inputs(given, None, layout, tokens=tokens, alone=alone)
    there = tuple(name for name in order if name in [*given, *timed])
    return samples, Inputs(each, there, keyed=tuple(names) != order[: len(names)]), times


def _of_batches(
    model: torch.nn.Module, calibration: Iterable[object], timespans: object, layout: Layout
) -> tuple[Sequences, Inputs | None]:
    """What is kept of batches; it is told, at the line of the user, three calls up, where that is not all."""
    from ltc2neuro.tracing.calling.arguments import needed, order_of

    least, kinds = needed(model), list[Inputs | None]()
    if timespans is not None or TIMESPANS in least:
        raise InputError(_OF_TIMESPANS, numbers="the calibration comes in batches", advice="Give it as one of them.")

    def taken() -> Iterator[Sequences]:
        for number, batch in enumerate(calibration):
            try:
                given = inputs_of(batch, least, lambda x: order_of(model, x))
                found, inputs, times = _taken(model, cast("Inlet", given), None, layout)
            except InputError as error:
                error.where = "; ".join(filter(None, [f"batch {number} of the calibration", error.where]))
                raise
            if times is not None or (kinds and inputs != kinds[0]):
                what = "a batch has other inputs than those before" if times is None else _OF_TIMESPANS
                raise InputError(what, where=f"batch {number} of the calibration", numbers=f"{inputs}")
            kinds.append(inputs)
            yield found

    samples, seen = gathered(taken())
    if len(samples.arrays) < seen:
        warnings.warn(
            f"{len(samples.arrays)} of the calibration's {seen} sequences are kept, a random choice that is the same "
            "each time: the input's ranges come from all of them, those of other values from what is kept.",
            stacklevel=4,
        )
    return samples, kinds[0] if kinds else None


_OF_TIMESPANS = "time spans go with an array or a list"


def _check(sequences: Sequences) -> None:
    if not sequences.arrays or any(a.shape[0] == 0 for a in sequences.arrays):
        raise InputError("calibration is empty", advice="Give at least one sequence with at least one sample.")
