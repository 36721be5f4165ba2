"""Random torch models that mix steps: compiled right, refused in our words, or warned of, and nothing else.

What is right is said in `models`. Cells are stepped by hand, inputs differenced, shifted, windowed and convolved over
past samples, values missing, and answers, one or several, read out over time.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as functional
from ncps.torch import CfCCell, LTCCell
from ncps.wirings import FullyConnected
from torch import Tensor, nn

from benchmarks.fuzz.composed import CHIPS, Choice, Composed, Example, First, Stage, called, data, recurrent
from benchmarks.fuzz.kind import Kind
from benchmarks.fuzz.models import ready, tried
from ltc2neuro.nn import Missing, Recurrent, with_masks

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples"))
from kindred_cells import LRU, S4D, SLSTM, MinGRU, MinLSTM


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
            elif isinstance(self.cell, (CfCCell, LTCCell)):
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
Ended: TypeAlias = Tensor | tuple[Tensor, ...]
ENDS: tuple[tuple[Callable[[Tensor], Ended], ...], ...] = (
    (lambda y: y,),
    (lambda y: y[:, -1],),
    (lambda y: y.mean(1), lambda y: torch.mean(y, dim=1), lambda y: y.sum(1) * 0.1, lambda y: y.sum(1)),
    (lambda y: y.amax(1), lambda y: y.max(1).values, lambda y: y.min(1)[0]),
    (lambda y: y[:, 0], lambda y: y[:, -1] - y[:, 0]),
    (lambda y: y[:, -3:], lambda y: y[:, -3:].mean(1), lambda y: y[:, 4:].mean(1)),
    (lambda y: y.std(1), lambda y: torch.tanh(y.mean(1)), lambda y: y.mean(1) * y.amax(1)),
    (lambda y: (y, y.mean(1)), lambda y: (y[:, -1], y.sum(1)), lambda y: (y[:, 0], y, y.amax(1))),
)
MISSING: tuple[Callable[[Tensor], Tensor], ...] = (
    torch.nan_to_num,
    lambda x: torch.where(torch.isnan(x), 0.3, x),
    lambda x: torch.cat([torch.nan_to_num(x), torch.isnan(x).to(x.dtype)], -1),
)


class Ending(nn.Module):
    """A linear layer `before` an end over time, or behind it, where each of several answers goes through it."""

    def __init__(self, body: nn.Module, head: nn.Module, end: Callable[[Tensor], Ended], *, before: bool) -> None:
        super().__init__()
        self.body, self.head, self.end, self.before = body, head, end, before

    def forward(self, x: Tensor) -> Ended:
        if self.before:
            return self.end(self.head(self.body(x)))
        ended = self.end(self.body(x))
        return tuple(self.head(y) for y in ended) if isinstance(ended, tuple) else self.head(ended)


def example(seed: int) -> Example:
    """The model and data of a seed."""
    rng = np.random.default_rng([seed, 7])
    torch.manual_seed(seed)
    features = width = int(rng.integers(1, 5))
    stages: list[tuple[nn.Module | None, Stage]] = []
    gaps = rng.random() < 0.15
    if gaps:
        filled = MISSING[int(rng.integers(len(MISSING)))]
        stages.append((None, lambda _, x: filled(x)))
        width = filled(torch.zeros(1, 2, width)).shape[-1]
    for _ in range(int(rng.integers(1, 4))):
        units = int(rng.integers(2, 6))
        if rng.random() < 0.4:
            function = BESIDE[int(rng.integers(len(BESIDE)))]
            stages.append((None, lambda _, x, function=function: function(x)))
            width = function(torch.zeros(1, 2, width)).shape[-1]
        else:
            module = _module(rng, width, units)
            stages.append((module, called))
            with torch.no_grad():
                width = module(torch.zeros(1, 2, width)).shape[-1]
    before, head = rng.random() < 0.5, nn.Linear(width, 2)
    kinds = ENDS[int(rng.integers(len(ENDS)))]
    end = kinds[int(rng.integers(len(kinds)))]
    model = Ending(Composed(stages), head, end, before=before)
    model = Missing(model) if gaps else model
    model = model.double() if rng.random() < 0.3 else model
    calibration, new = (data(rng, rows, steps, features, 1.0, 0.0) for rows, steps in ((24, 12), (24, 20)))
    if gaps:
        calibration, new = (with_masks(np.where(rng.random(x.shape) < 0.2, np.nan, x)) for x in (calibration, new))
    return Example(model, calibration, new, str(rng.choice(CHIPS)))


def _module(rng: Choice, features: int, units: int) -> nn.Module:
    kind = int(rng.integers(6))
    if kind == 0:
        return recurrent(rng, features, units)
    if kind == 1:
        return Leak(first=rng.random() < 0.5)
    if kind == 2:
        size, dilation = int(rng.integers(2, 4)), int(rng.integers(1, 3))
        return Causal(features, units, size, dilation, cut=rng.random() < 0.5)
    if kind == 3:
        kin: tuple[Callable[[int], nn.Module], ...] = (LRU, S4D, SLSTM, MinGRU, MinLSTM, lambda n: S4D(n, liquid=True))
        return First(Recurrent(kin[int(rng.integers(len(kin)))](features)))
    cells = (nn.GRUCell, nn.LSTMCell, nn.RNNCell, CfCCell)
    number = int(rng.integers(len(cells) + 1))
    cell = (
        cells[number](features, units)
        if number < len(cells)
        else LTCCell(FullyConnected(units), features, ode_unfolds=2)
    )
    return Loop(cell, units, filled=rng.random() < 0.3, learnt=rng.random() < 0.3)


def trial(seed: int) -> str:
    """Compile the model of `seed` and compare on new data. Raises `AssertionError` where it is silently wrong."""
    return tried(example(seed))


KIND = Kind(trial, seconds=120, prepare=ready)
