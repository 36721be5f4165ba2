"""Recording linear maps and sums over features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional

from compiler.graph.ops import MatVec, SegmentSum
from ltc2neuro.tracing.ops.added_up import whole_window
from ltc2neuro.tracing.ops.mixing import mixed
from ltc2neuro.tracing.ops.over_time import over_time, valued
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.operands import groups, sample_value
from ltc2neuro.tracing.recording.symbolic import Symbolic, symbolic
from ltc2neuro.tracing.recording.unrecorded import unrecorded

DENSE_MATRIX = 1_000_000
"""elements of a map of many vectors of a sample up to which it is written out"""


def linear(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """`input @ weight.T + bias`; with a constant weight it is one map of the whole sample."""
    if isinstance(input, Symbolic) and not isinstance(weight, Symbolic):
        y = _map(input, weight)
    else:
        y = torch.matmul(input, weight.mT)
    return y if bias is None else y + bias


def _map(x: Symbolic, weight: torch.Tensor) -> torch.Tensor:
    recorder, example = x.recorder, functional.linear(x.example, weight.to(x.example.dtype))
    features_only(x, (-1,))
    labels = axes.labels_of(x.codes)
    size = groups(x).size
    copies = size // x.shape[-1]
    if copies > 1 and weight.numel() * copies**2 > DENSE_MATRIX:
        return _map_at_places(x, weight, size)
    matrix = np.kron(np.eye(copies), weight.detach().double().numpy()).astype(np.float64)
    name = recorder.constant(matrix, recorder.names.get(weight) or recorder.named("weight"))
    source = sample_value(x)
    value = recorder.emit(lambda out: MatVec(out, (source,), name), len(matrix), "linear")
    labels = labels[..., :1].expand(example.shape)
    return symbolic(recorder, example, axes.encode(labels, axes.ranks(labels)), value)


def _map_at_places(x: Symbolic, weight: torch.Tensor, size: int) -> torch.Tensor:
    """A matrix for each of many vectors of a sample, such as tokens: once, at each one's place.

    Written out it would grow with their number squared.
    """
    shape = x.shape[x.dim() - _axes_of(x, size) :]
    flat = x.reshape(*x.shape[: x.dim() - len(shape)], size)
    places = np.arange(size).reshape(-1, shape[-1])
    name = x.recorder.names.get(weight)
    if name is not None:
        weight = weight.clone()
        x.recorder.names.give(weight, name)
    y = at_places(flat, weight, places)
    by_row = y.unflatten(-1, (len(weight), *shape[:-1]))
    return by_row.movedim(-len(shape), -1)


def _axes_of(x: Symbolic, size: int) -> int:
    """How many of the last axes hold one sample."""
    count, found = 1, 0
    while count < size or not found:
        found += 1
        count *= x.shape[-found]
    return found


def at_places(x: torch.Tensor, matrix: torch.Tensor, places: npt.NDArray[np.int64]) -> Symbolic:
    """One matrix at each of the `places` (places, columns) of samples `x` (rows, elements), as `MatVec` has it."""
    assert isinstance(x, Symbolic)
    recorder = x.recorder
    features_only(x, (-1,))
    labels = axes.labels_of(x.codes)
    name = recorder.constant(matrix.detach().double().numpy(), recorder.names.get(matrix) or recorder.named("weight"))
    where = recorder.index(places, recorder.named("places"))
    source = sample_value(x)
    size = len(matrix) * len(places)
    value = recorder.emit(lambda out: MatVec(out, (source,), name, where), size, "linear")
    labels = labels[..., :1].expand(*x.shape[:-1], size)
    return symbolic(recorder, x.example.new_zeros(labels.shape), axes.encode(labels, axes.ranks(labels)), value)


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """A product with a constant matrix is a linear map; other products are multiplied out."""
    if isinstance(a, Symbolic) and not isinstance(b, Symbolic) and b.dim() == 1:
        return _map(a, b[None]).squeeze(-1)
    if isinstance(a, Symbolic) and not isinstance(b, Symbolic) and b.dim() == 2:
        return _map(a, b.T)
    if isinstance(b, Symbolic) and not isinstance(a, Symbolic) and a.dim() == 2 and b.dim() >= 2:
        return linear(b.mT, a).mT
    if a.dim() >= 2 and b.dim() >= 2:
        return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)
    return (a * b if b.dim() == 1 else a * b.mT).sum(-1)


@unrecorded
def features_only(x: Symbolic, over: Sequence[int]) -> None:
    """Refuse to join elements along axes that hold rows or steps."""
    labels = axes.labels_of(x.codes)
    for axis in over:
        if labels.numel() and not torch.equal(labels, labels.select(axis, 0).unsqueeze(axis).expand_as(labels)):
            raise mixed(x.recorder)


def total(input: Symbolic, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> torch.Tensor:
    """The sum over axes that hold no rows; over time it is a readout."""
    read = over_time("sum", torch.sum, input, dim, keepdim)
    if read is not None:
        return read
    input = valued(whole_window(input, dim, input.example.new_zeros(1)))
    recorder, example = input.recorder, input.example
    every = tuple(range(example.dim()))
    over = every if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    kept = example.sum(over, keepdim=True)
    result = kept if keepdim else example.sum(over)
    features_only(input, over)
    labels = axes.labels_of(input.codes).reshape(-1)
    targets = torch.arange(kept.numel()).reshape(kept.shape).expand(input.shape).reshape(-1)
    target_labels = torch.zeros(kept.numel(), dtype=torch.int64)
    target_labels[targets] = labels
    ranks = axes.ranks(target_labels)
    segment = recorder.index(ranks.numpy()[targets.numpy()[groups(input).positions[0]]], recorder.named("segment"))
    source = sample_value(input)
    value = recorder.emit(lambda out: SegmentSum(out, source, segment), int(ranks.max()) + 1, "sum")
    return symbolic(recorder, result, axes.encode(target_labels, ranks).reshape(result.shape), value)
