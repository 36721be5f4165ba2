"""Random torch models that mix steps: compiled right, refused in our words, or warned of, and nothing else.

What is right is said in `models`. Cells are stepped by hand, inputs differenced, shifted, windowed and convolved over
past samples, and answers read out over time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as functional
from ncps.torch import CfCCell
from torch import Tensor, nn

from benchmarks.fuzz.composed import CHIPS, Choice, Composed, Example, Stage, called, data, recurrent
from benchmarks.fuzz.kind import Kind
from benchmarks.fuzz.models import ready, tried


class Loop(nn.Module):
    """Steps a cell by hand: answers in a list or a buffer, from zeros or a learnt start."""

    def __init__(self, cell: nn.Module, units: int, *, filled: bool, learnt: bool) -> None:
        super().__init__()
        self.cell, self.filled, self.units = cell, filled, units
        self.start = nn.Parameter(torch.randn(units) * 0.3) if learnt else None

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), self.units) if self.start is None else self.start.expand(len(x), -1)
        c, answers = x.new_zeros(len(x), self.units), []
        buffer = x.new_zeros(len(x), x.shape[1], self.units)
        for t in range(x.shape[1]):
            if isinstance(self.cell, nn.LSTMCell):
                h, c = self.cell(x[:, t], (h, c))
            elif isinstance(self.cell, CfCCell):
                h, _ = self.cell(x[:, t], h, 1.0)
            else:
                h = self.cell(x[:, t], h)
            if self.filled:
                buffer[:, t] = h
            else:
                answers.append(h)
        return buffer if self.filled else torch.stack(answers, 1)


class Leak(nn.Module):
    """An average that forgets, from zeros or from the first sample."""

    def __init__(self, *, first: bool) -> None:
        super().__init__()
        self.first, self.keep = first, nn.Parameter(torch.rand(()))

    def forward(self, x: Tensor) -> Tensor:
        h, answers, keep = x[:, 0] if self.first else torch.zeros_like(x[:, 0]), [], torch.sigmoid(self.keep)
        for x_t in x.unbind(1):
            h = keep * h + (1 - keep) * x_t
            answers.append(h)
        return torch.stack(answers, 1)


class Causal(nn.Module):
    """A convolution over past samples, padded on the left, or on both sides and cut; with a residual where it fits."""

    def __init__(self, features: int, units: int, size: int, dilation: int, *, cut: bool) -> None:
        super().__init__()
        self.past, self.cut = (size - 1) * dilation, cut
        self.conv = nn.Conv1d(features, units, size, dilation=dilation, padding=self.past if cut else 0)

    def forward(self, x: Tensor) -> Tensor:
        y = x.transpose(1, 2)
        y = self.conv(y)[:, :, : x.shape[1]] if self.cut else self.conv(functional.pad(y, (self.past, 0)))
        y = torch.relu(y).transpose(1, 2)
        return x + y if x.shape == y.shape else y


def _late(x: Tensor, steps: int = 1) -> Tensor:
    """So many samples ago, zeros before the first."""
    return functional.pad(x, (0, 0, steps, 0))[:, : x.shape[1]]


def _windows(x: Tensor) -> Tensor:
    return functional.pad(x, (0, 0, 2, 0)).unfold(1, 3, 1).flatten(2)


BESIDE: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda x: torch.diff(x, dim=1, prepend=x[:, :1]),
    lambda x: torch.diff(x, dim=1, prepend=torch.zeros_like(x[:, :1])),
    lambda x: x - _late(x),
    _late,
    lambda x: torch.cat([x, _late(x)], -1),
    lambda x: torch.cat([x, torch.diff(x, dim=1, prepend=x[:, :1])], -1),
    _windows,
    lambda x: torch.cat([_late(x, 3), x], -1),
)
ENDS: tuple[tuple[Callable[[Tensor], Tensor], ...], ...] = (
    (lambda y: y,),
    (lambda y: y[:, -1],),
    (lambda y: y.mean(1), lambda y: torch.mean(y, dim=1), lambda y: y.sum(1) * 0.1),
    (lambda y: y.amax(1), lambda y: y.max(1).values, lambda y: y.min(1)[0]),
)


def example(seed: int) -> Example:
    """The model and data of a seed."""
    rng = np.random.default_rng([seed, 7])
    torch.manual_seed(seed)
    features = width = int(rng.integers(1, 5))
    stages: list[tuple[nn.Module | None, Stage]] = []
    for _ in range(int(rng.integers(1, 4))):
        units = int(rng.integers(2, 6))
        if rng.random() < 0.4:
            function = BESIDE[int(rng.integers(len(BESIDE)))]
            stages.append((None, lambda _, x, function=function: function(x)))
            width = function(torch.zeros(1, 2, width)).shape[-1]
        else:
            module = _module(rng, width, units)
            stages.append((module, called))
            width = width if isinstance(module, Leak) else units
    before, head = rng.random() < 0.5, nn.Linear(width, 2)
    kinds = ENDS[int(rng.integers(len(ENDS)))]
    end = kinds[int(rng.integers(len(kinds)))]
    stages.append((head, lambda m, x: end(m(x)) if before else m(end(x))))
    model = Composed(stages)
    model = model.double() if rng.random() < 0.3 else model
    calibration, new = (data(rng, rows, steps, features, 1.0, 0.0) for rows, steps in ((24, 12), (24, 20)))
    return Example(model, calibration, new, str(rng.choice(CHIPS)))


def _module(rng: Choice, features: int, units: int) -> nn.Module:
    kind = int(rng.integers(5))
    if kind == 0:
        return recurrent(rng, features, units)
    if kind == 1:
        return Leak(first=rng.random() < 0.5)
    if kind == 2:
        size, dilation = int(rng.integers(2, 4)), int(rng.integers(1, 3))
        return Causal(features, units, size, dilation, cut=rng.random() < 0.5)
    cells = (nn.GRUCell, nn.LSTMCell, nn.RNNCell, CfCCell)
    cell = cells[int(rng.integers(len(cells)))](features, units)
    return Loop(cell, units, filled=rng.random() < 0.3, learnt=rng.random() < 0.3)


def trial(seed: int) -> str:
    """Compile the model of `seed` and compare on new data. Raises `AssertionError` where it is silently wrong."""
    return tried(example(seed))


KIND = Kind(trial, seconds=120, prepare=ready)
