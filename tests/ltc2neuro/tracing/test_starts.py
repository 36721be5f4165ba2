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


def the_state_before_from_the_first_sample(net, x):
    h, before = x.new_zeros(len(x), N), torch.tanh(net.drive(x[:, 0]))
    for x_t in x.unbind(1):
        h, before = torch.tanh(net.own(h) + before + net.drive(x_t)), h
        yield h


def both_states_before_from_the_first_sample(net, x):
    h = before = torch.tanh(net.drive(x[:, 0]))
    for x_t in x.unbind(1):
        h, before = torch.tanh(net.own(h) + before + net.drive(x_t)), h
        yield h


def three_states_before_each_its_own(net, x):
    h = torch.tanh(net.drive(x[:, 0]))
    hs = [net.start + 0.1 * h, 0.5 * h, h]
    for x_t in x.unbind(1):
        hs.append(torch.tanh(net.own(hs[-1]) + 0.3 * hs[-3] + net.drive(x_t)))
        yield hs[-1]


def nothing_after_the_first_step(net, x):
    h, old = x.new_zeros(len(x), N), torch.tanh(net.drive(x[:, 0]))
    for x_t in x.unbind(1):
        h = net.gru(x_t, h)
        yield h + old
        old = torch.zeros_like(h)


def twice_the_first_sample(net, x):
    h = x.new_zeros(len(x), N)
    for t, x_t in enumerate(x.unbind(1)):
        h = net.gru(x_t if t else 2 * x_t, h)
        yield h


def held_from_the_second_step_on(net, x):
    """At first h is a number, which the condition is, too."""
    first, h = torch.tanh(net.drive(x[:, 0])), x.new_full((len(x), N), 0.5)
    for x_t in x.unbind(1):
        h = torch.where(h > 0.3, torch.tanh(net.drive(x_t) + first), 0.9 * h)
        yield h


def a_second_start_made_as_in_the_loop(net, x):
    h = torch.tanh(net.drive(x[:, 0]))
    g = torch.tanh(net.own(h))
    for x_t in x.unbind(1):
        g = torch.tanh(net.own(h) + 0.5 * g)
        h = net.gru(x_t, h)
        yield g


def the_answer_before_from_the_first_sample(net, x):
    """h itself starts at numbers, and is read as it was of samples a step late."""
    h, answer, late = net.start.expand(len(x), N)[:, :3], x[:, 0], nn.functional.pad(x, (0, 0, 1, 0))
    for t in range(x.shape[1]):
        h = answer = torch.tanh(net.own(torch.cat([torch.maximum(h, late[:, t] - 0.5 * answer), h], 1)[:, :N]))[:, :3]
        yield h


def three_samples_left_out(net, x):
    h = net.start.expand(len(x), N)
    for t, x_t in enumerate(x.unbind(1)):
        if t >= 3:
            h = net.gru(x_t, h)
        yield h


def two_averages_of_which_the_first_answers_alone(net, x):
    """Holt's: a level that starts at the first sample, and a trend that starts at 0."""
    level, trend = x[:, 0], torch.zeros_like(x[:, 0])
    yield level
    for x_t in x.unbind(1)[1:]:
        new = 0.5 * x_t + 0.5 * (level + trend)
        trend, level = 0.3 * (new - level) + 0.7 * trend, new
        yield level + trend


@pytest.mark.parametrize(
    ("looped", "sizes"),
    [
        (the_start_is_the_first_answer, {"gru.h": N, "started.1": 1}),
        (of_the_sample_before_from_zeros, {"x.1_ago": 3, "gru.h": N, "started.1": 1}),
        (of_the_sample_before_from_half_the_first, {"x.1_ago": 3, "lstm.h": N, "lstm.c": N, "started.1": 1}),
        (the_state_before_from_the_first_sample, {"h": N, "h.2_ago": N, "started.1": 1}),
        (both_states_before_from_the_first_sample, {"h": N, "h.2_ago": N, "started.1": 1}),
        (three_states_before_each_its_own, {"hs": N, "hs.2_ago": N, "hs.3_ago": N, "started.1": 1}),
        (nothing_after_the_first_step, {"gru.h": N, "started.1": 1}),
        (twice_the_first_sample, {"gru.h": N, "started.1": 1}),
        (held_from_the_second_step_on, {"h": N, "first.first": N, "started.1": 1}),
        (a_second_start_made_as_in_the_loop, {"gru.h": N, "g": N, "started.1": 1}),
        (two_averages_of_which_the_first_answers_alone, {"level": 3, "trend": 3, "add": 3, "started.1": 1}),
        (the_answer_before_from_the_first_sample, {"x.1_ago": 3, "h": 3, "h.before": 3, "started.1": 1}),
        (three_samples_left_out, {"gru.h": N, "started.1": 1, "started.2": 1, "started.3": 1}),
    ],
)
def test_states_are_the_variables(looped, sizes):
    torch.manual_seed(0)
    graph = over_many_steps(Net(looped), X, 100).graph
    assert {s.name: s.size for s in graph.states} == sizes


NUMBERS = {
    "filter": (0, lambda h, u: h * 0.9 + u * 0.1, lambda h: h),
    "filter, scaled": (0.0, lambda h, u: 0.9 * h + u, lambda h: 0.3 * h),
    "halves": (0, lambda h, u: 0.5 * h + 0.5 * u, lambda h: h),
    "Euler": (-0.65, lambda h, u: h + 0.1 * (-h + u.tanh()), lambda h: h),
    "of a step": (0.2, lambda h, u: torch.tanh(0.9 * h + 0.1 * u), lambda h: 1.0 - h),
    "product": (1, lambda h, u: h * torch.sigmoid(u) + 0.1, lambda h: h),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_what_a_state_begins_with(name):
    start, step, answer = NUMBERS[name]

    def loop(net, x):
        h = start
        for u in x.unbind(1):
            h = step(h, u)
            yield answer(h)

    traced = over_many_steps(Net(loop), X, 100)
    assert [(state.name, state.size) for state in traced.graph.states] == [("h", 3)]
