"""States that start otherwise than at zeros: each is kept once, in the words of the model's own variables."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layer_agreement import over_many_steps
from torch import nn

N = 4
X = np.random.default_rng(0).normal(size=(3, 12, 3))


class Net(nn.Module):
    """What `looped` gives at each step of x, made of layers that it finds here."""

    def __init__(self, looped) -> None:
        super().__init__()
        self.gru, self.lstm = nn.GRUCell(3, N), nn.LSTMCell(3, N)
        self.drive, self.own, self.start = nn.Linear(3, N), nn.Linear(N, N), nn.Parameter(torch.randn(N))
        self.looped = looped

    def forward(self, x):
        return torch.stack(list(self.looped(self, x)), 1)


def the_start_is_the_first_answer(net, x):
    h = net.start.expand(len(x), N)
    yield h
    for x_t in x.unbind(1)[1:]:
        h = net.gru(x_t, h)
        yield h


def of_the_sample_before_from_zeros(net, x):
    h, last = x.new_zeros(len(x), N), x[:, 0] * 0
    for x_t in x.unbind(1):
        h, last = net.gru(last, h), x_t
        yield h


def of_the_sample_before_from_half_the_first(net, x):
    h = c = x.new_zeros(len(x), N)
    last = x[:, 0] * 0.5
    for x_t in x.unbind(1):
        (h, c), last = net.lstm(last, (h, c)), x_t
        yield h


@pytest.mark.parametrize(
    ("looped", "sizes"),
    [
        (the_start_is_the_first_answer, {"gru.h": N, "started.1": 1}),
        (of_the_sample_before_from_zeros, {"x.1_ago": 3, "gru.h": N, "started.1": 1}),
        (of_the_sample_before_from_half_the_first, {"x.1_ago": 3, "lstm.h": N, "lstm.c": N, "started.1": 1}),
    ],
)
def test_states_are_the_variables(looped, sizes):
    torch.manual_seed(0)
    graph = over_many_steps(Net(looped), X, 100).graph
    assert {s.name: s.size for s in graph.states} == sizes
