"""Cells that are written by hand with tensors (batch, units, units): so many synapses are not looked at one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layer_agreement import over_many_steps
from torch import nn

X = np.random.default_rng(0).normal(size=(3, 12, 3))
UNITS, UNFOLDS = 50, 6


class HandWritten(nn.Module):
    """The LTC of ncps, all synapses at once."""

    def __init__(self) -> None:
        super().__init__()
        full = UNITS, UNITS
        self.w, self.mu = nn.Parameter(torch.rand(full) * 0.1), nn.Parameter(torch.rand(full))
        self.sigma, self.erev = nn.Parameter(3.0 + torch.rand(full)), nn.Parameter(torch.randn(full))
        self.register_buffer("mask", (torch.rand(full) < 0.9).float())
        self.inputs, self.start, self.head = nn.Linear(3, UNITS), nn.Linear(3, UNITS), nn.Linear(UNITS, 2)

    def forward(self, x):
        v, answers = self.first(x), []
        for t in range(x.shape[1]):
            current = self.inputs(x[:, t])
            for _ in range(UNFOLDS):
                v = self.unfold(v, current)
            answers.append(v)
        return self.head(torch.stack(answers, 1))

    def first(self, x):
        return x.new_zeros(len(x), UNITS)

    def unfold(self, v, current):
        g = self.mask * self.w * torch.sigmoid(self.sigma * (v.unsqueeze(2) - self.mu))
        return (2 * v + current + (g * self.erev).sum(1)) / (3 + g.sum(1))


class Conductances(HandWritten):
    """From a start that is made of the first sample, with a current that goes by both ends of a synapse."""

    def first(self, x):
        return torch.tanh(self.start(x[:, 0]))

    def unfold(self, v, current):
        g = self.w * torch.sigmoid(self.sigma * (v.unsqueeze(2) - self.mu))
        return v + 0.1 * (current - v + (g * (self.erev - v.unsqueeze(1))).sum(1))


@pytest.mark.parametrize("model", [HandWritten, Conductances])
def test_fifty_units_equal_torch_over_many_steps(model):
    torch.manual_seed(0)
    graph = over_many_steps(model(), X, 100).graph
    assert ("v", UNITS) in [(s.name, s.size) for s in graph.states]
    assert sum(s.size for s in graph.states) <= UNITS + 1
    assert len(list(graph.ops())) < 110
