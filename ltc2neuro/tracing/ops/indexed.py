"""Functions that take places of one axis by numbers: what is put there, added there, or filled in."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

from ltc2neuro.tracing.ops.torch_ops import TorchRules, by_spelling

Tensor = torch.Tensor


def _index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    order = torch.arange(input.shape[dim])
    order[index] = input.shape[dim] + torch.arange(source.shape[dim])
    return torch.cat([input, source], dim).index_select(dim, order)


def _index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    matrix = torch.zeros(input.shape[dim], source.shape[dim], dtype=input.dtype)
    matrix[index, torch.arange(source.shape[dim])] = alpha
    return input + functional.linear(source.movedim(dim, -1), matrix).movedim(-1, dim)


def _index_fill(input: Tensor, dim: int, index: Tensor, value: Tensor | float) -> Tensor:
    filled = torch.zeros(input.shape[dim], dtype=torch.bool)
    filled[index] = True
    shape = [-1 if axis == dim % input.dim() else 1 for axis in range(input.dim())]
    return torch.where(filled.reshape(shape), value, input)


INDEXED: TorchRules = by_spelling(
    (("index_copy",), _index_copy),
    (("index_add",), _index_add),
    (("index_fill",), _index_fill),
)
"""The decomposition of each."""
