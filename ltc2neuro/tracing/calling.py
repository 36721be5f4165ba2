"""How a traced model is called in torch: the order of its axes, and what it answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from ltc2neuro.tracing.layers import timed_cells
from ltc2neuro.tracing.modules import Forward, Wrap, unwrapped

Floats = npt.NDArray[np.float64]
Readout: TypeAlias = Literal["every", "last"]


@dataclass(frozen=True)
class Calling:
    """How torch calls a model.

    `readout`: whether it answers at every step or at the last; `step_shape`: the shape of one answer to one row;
    `time_first` and `output_time_first`: whether its input and output have time before batch; `dt`: the time of a step.
    """

    readout: Readout
    step_shape: tuple[int, ...]
    time_first: bool
    output_time_first: bool
    dt: float


def by_length(arrays: Sequence[Floats], most: int) -> list[list[int]]:
    """The numbers of sequences that have one length, at most `most` together."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for number, array in enumerate(arrays):
        groups[len(array)].append(number)
    return [numbers[i : i + most] for numbers in groups.values() for i in range(0, len(numbers), most)]


def forward(model: torch.nn.Module, x: Floats, dtype: torch.dtype, calling: Calling) -> Floats:
    """The model's answer to `x` (batch, time, features), batch first."""
    tensor = torch.from_numpy(x).to(dtype)
    result = model(tensor.transpose(0, 1) if calling.time_first else tensor)
    y = result[0] if isinstance(result, tuple) else result
    y = y.transpose(0, 1) if calling.readout == "every" and calling.output_time_first else y
    return y.detach().double().numpy()


def with_time(model: torch.nn.Module, dt: float) -> Wrap:
    """Give the recurrent cells that know time the step `dt`, where it is not 1."""
    timed = timed_cells(unwrapped(model))

    def wrap(path: str, module: torch.nn.Module, forward: Forward) -> Forward:
        if dt == 1.0 or path not in timed:
            return forward
        return lambda x, state, elapsed=1.0: forward(x, state, dt)

    return wrap
