"""Loops of one's own over several inputs, and with the time before each sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ncps.torch import CfCCell
from torch import nn

import ltc2neuro
from ltc2neuro.metrics import sqnr

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 20, 3)).astype(np.float32)
Z = RNG.normal(size=(4, 20, 2)).astype(np.float32)
CONTEXT = RNG.normal(size=(4, 2)).astype(np.float32)
SPANS = RNG.uniform(0.5, 1.5, size=(4, 20)).astype(np.float32)


class Loop(nn.Module):
    def __init__(self, *, held: bool = False, start: bool = False) -> None:
        super().__init__()
        self.held, self.cell = held, nn.GRUCell(3 if start else 5, 4)
        self.start = nn.Linear(2, 4) if start else None

    def forward(self, x, other):
        h, answers = x.new_zeros(len(x), 4) if self.start is None else torch.tanh(self.start(other)), []
        for t in range(x.shape[1]):
            beside = other if self.held else other[:, t]
            h = self.cell(x[:, t] if self.start is not None else torch.cat([x[:, t], beside], -1), h)
            answers.append(h)
        return torch.stack(answers, 1)


class Elapsed(nn.Module):
    def __init__(self, cell: nn.Module | None = None) -> None:
        super().__init__()
        self.cell, self.map, self.tau = cell, nn.Linear(3, 4), nn.Parameter(torch.rand(4) + 0.5)

    def forward(self, x, timespans):
        h, answers = x.new_zeros(len(x), 4), []
        for t in range(x.shape[1]):
            if self.cell is not None:
                h, _ = self.cell(x[:, t], h, timespans[:, t : t + 1])
            else:
                stays = torch.exp(-timespans[:, t, None] / self.tau)
                h = stays * h + (1 - stays) * torch.tanh(self.map(x[:, t]))
            answers.append(h)
        return torch.stack(answers, 1)


@pytest.mark.parametrize(
    ("make", "given", "states"),
    [
        (Loop, (X, Z), ["cell.h"]),
        (Loop, {"x": X, "other": Z}, ["cell.h"]),
        (lambda: Loop(held=True), (X, CONTEXT), ["cell.h"]),
        (lambda: Loop(held=True, start=True), (X, CONTEXT), ["cell.h", "started.1"]),
    ],
)
def test_several_inputs(make, given, states):
    torch.manual_seed(0)
    net = ltc2neuro.compile(model := make().eval(), given)
    assert [s.name for s in net.float_graph.states] == states
    tensors = [torch.from_numpy(x) for x in (given.values() if isinstance(given, dict) else given)]
    with torch.no_grad():
        assert sqnr([model(*tensors).numpy()], [net(given)]) > 40


@pytest.mark.parametrize("cell", [False, True])
def test_time_spans(cell):
    torch.manual_seed(0)
    net = ltc2neuro.compile(model := Elapsed(CfCCell(3, 4) if cell else None).eval(), X, timespans=SPANS)
    with torch.no_grad():
        expected = model(torch.from_numpy(X), timespans=torch.from_numpy(SPANS)).numpy()
    assert sqnr([expected], [net(X, timespans=SPANS)]) > 30
    stream = net.stream(len(X))
    for t in range(5):
        assert np.array_equal(stream.step(X[:, t], SPANS[:, t]), net(X, timespans=SPANS)[:, t])
