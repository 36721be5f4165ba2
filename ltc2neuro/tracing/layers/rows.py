"""Layers that take time spans of one row only, run row by row in torch: ncps 1.0.1 takes those of one row for another's
units."""

from __future__ import annotations

from collections.abc import Callable

import torch

LAYERS: list[type[torch.nn.Module]] = []
"""Those of packages that are installed"""


def row_by_row(module: torch.nn.Module, forward: Callable[..., object]) -> Callable[..., object]:
    """The `forward` of a module; of such a layer's that of each row."""
    if not isinstance(module, tuple(LAYERS)):
        return forward

    def each(input: torch.Tensor, hx: object = None, timespans: torch.Tensor | None = None) -> object:
        if timespans is None or input.dim() < 3:
            return forward(input, hx, timespans)
        axis = 0 if module.batch_first else 1
        count = input.shape[axis]
        parts = zip(input.split(1, axis), _apart(hx, count), timespans.split(1, axis), strict=True)
        answers, states = zip(*(forward(*part) for part in parts), strict=True)
        return torch.cat(answers, axis if module.return_sequences else 0), _joined(states)

    return each


def _apart(states: object, rows: int) -> list[object]:
    if isinstance(states, torch.Tensor):
        return list(states.split(1))
    if isinstance(states, (tuple, list)):
        return list(zip(*(_apart(one, rows) for one in states), strict=True))
    return [None] * rows


def _joined(states: tuple[object, ...]) -> object:
    tensors = [state for state in states if isinstance(state, torch.Tensor)]
    if tensors:
        return torch.cat(tensors)
    return tuple(map(_joined, zip(*states, strict=True)))
