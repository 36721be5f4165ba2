"""Torch functions written with others that have a rule: plain torch code that runs on symbolic tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as functional

from ltc2neuro.tracing.symbolic import Symbolic
from ltc2neuro.tracing.torch_ops import apply, spellings

Tensor = torch.Tensor


def _neg(x: Tensor) -> Tensor:
    return x * -1.0


def _abs(x: Tensor) -> Tensor:
    return torch.maximum(x, -x)


def _clamp(x: Tensor, min: Tensor | float | None = None, max: Tensor | float | None = None) -> Tensor:  # noqa: A002
    if min is not None:
        x = torch.maximum(x, _tensor(min, x))
    return x if max is None else torch.minimum(x, _tensor(max, x))


def _tensor(value: Tensor | float, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=like.dtype)


DECOMPOSITIONS: dict[Callable[..., object], Callable[..., object]] = {}
