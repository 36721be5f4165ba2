"""What is written into a tensor, or a part of it, is there in all that share its memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from layer_agreement import over_many_steps
from torch import nn

from hw_models.errors import Ltc2NeuroError
from ltc2neuro.tracing import trace

X = np.random.default_rng(0).normal(size=(4, 30, 3))


class Model(nn.Module):
    """A function of the samples, a cell of four units, and a linear layer."""

    def __init__(self, function, inputs: int = 3) -> None:
        super().__init__()
        self.function, self.cell, self.linear = function, nn.GRUCell(3, 4), nn.Linear(inputs, 2)
        self.register_buffer("kept", torch.zeros(2, 3))

    def forward(self, x):
        return self.function(self, x)


def _filled(write):
    """A buffer that each step of a cell fills."""

    def function(model, x):
        y, h = torch.zeros(*x.shape[:2], 4, dtype=x.dtype), x.new_zeros(len(x), 4)
        for t in range(x.shape[1]):
            h = model.cell(x[:, t], h)
            write(y, t, h)
        return y

    return function


def _through_a_name(y, t, h):
    part = y[:, t]
    part[:] = h


def _in_parts(y, t, h):
    y[:, t, :2] = h[:, 2:]
    y[:, t, 2:].add_(h[:, :2]).mul_(0.5)


def _numbers(y, t, h):
    y.narrow(1, t, 1).copy_(h.unsqueeze(1))
    y[:, t, 0] = 0.5


def _read_back(model, x):
    states = x.new_zeros(x.shape[1] + 1, len(x), 4)
    for t in range(x.shape[1]):
        states[t + 1] = model.cell(x[:, t], states[t])
    return states[1:].transpose(0, 1)


def _window(shift):
    """The last three samples."""

    def function(model, x):
        last, answers = x.new_zeros(len(x), 3, 3), []
        for x_t in x.unbind(1):
            last = shift(last)
            last[:, -1] = x_t
            answers.append(model.linear(last.flatten(1)))
        return torch.stack(answers, 1)

    return function


def _shifted(last):
    last[:, :-1] = last[:, 1:].clone()
    return last


def _of_old(model, x):
    """As models of before torch 0.4 make their states: what is not zeroed holds whatever was in the memory."""
    h, first = x.data.new(x.size(0), 4).zero_(), x.data.new([0.5, 0.2, 0.1, 0.4])
    answers = x.new(*x.shape[:2], 4)
    for t in range(x.size(1)):
        h = model.cell(x.data[:, t], h)
        answers[:, t] = h + first
    return answers


def _in_an_attribute(model, x):
    """The call keeps what it has computed, as spiking models do for a look at it."""
    model.states, h = torch.zeros(*x.shape[:2], 4, dtype=x.dtype), x.new_zeros(len(x), 4)
    for t in range(x.shape[1]):
        h = model.cell(x[:, t], h)
        model.states[:, t, :] = h
    return model.states.tanh()


def _halves(model, x):
    """The halves of h are changed one after the other, in place."""
    h, answers = x.new_zeros(len(x), 4), []
    for x_t in x.unbind(1):
        h[:, :2] = torch.tanh(model.linear(torch.cat([x_t, h], -1)))
        h[:, 2:].mul_(0.9).add_(0.1 * h[:, :2])
        answers.append(h.clone())
    return torch.stack(answers, 1)


def _delta(model, x):
    y = x.clone()
    y[:, 1:] -= x[:, :-1]
    return model.linear(y)


def _recursive(model, x):
    y = x.clone()
    for t in range(1, x.shape[1]):
        y[:, t] += 0.5 * y[:, t - 1]
    return model.linear(y)


def _features(model, x):
    y = torch.zeros_like(x)
    y[..., :2] = torch.tanh(model.linear(x))
    y[..., 2] = x[..., 0] * x[..., 1]
    return y


def _numbers_in_place(model, x):
    h, answers = x.new_zeros(len(x), 4), []
    for x_t in x.unbind(1):
        h = model.cell(x_t, h)
        h[:, 0].zero_()
        h[:, 1:3].fill_(0.5).sub_(x_t[:, :2])
        answers.append(h.clone())
    return torch.stack(answers, 1)


def _never_copied(model, x):
    """All answers are the one tensor, which holds the last at the end."""
    h, answers = x.new_zeros(len(x), 4), []
    for x_t in x.unbind(1):
        h[:, :2] = torch.tanh(model.linear(torch.cat([x_t, h], -1)))
        answers.append(h)
    return torch.stack(answers, 1)


def _the_models(model, x):
    model.kept[:, 0] = x[:, 0, 0]
    return x + model.kept[:, None]


WRITTEN = {
    "copy_": (_filled(lambda y, t, h: y[:, t].copy_(h)), 3),
    "detach": (_filled(lambda y, t, h: y.detach()[:, t].copy_(h)), 3),
    "data": (_filled(lambda y, t, h: y.data[:, t].copy_(h)), 3),
    "a view with a name": (_filled(_through_a_name), 3),
    "tensors that data.new makes": (_of_old, 3),
    "an attribute that the call makes": (_in_an_attribute, 3),
    "parts": (_filled(_in_parts), 3),
    "numbers, too": (_filled(_numbers), 3),
    "read back": (_read_back, 3),
    "a window that is rolled": (_window(lambda last: torch.roll(last, -1, 1)), 9),
    "a window that is shifted": (_window(_shifted), 9),
    "halves of h": (_halves, 7),
    "differences in place": (_delta, 3),
    "a filter in place": (_recursive, 3),
    "features": (_features, 3),
    "zero_ and fill_": (_numbers_in_place, 3),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_writes_are_those_of_torch(name):
    torch.manual_seed(0)
    over_many_steps(Model(*WRITTEN[name]), X, 1000 if name == "copy_" else 100)


@pytest.mark.parametrize(
    ("model", "said"),
    [(Model(_never_copied, 7), "not causal"), (Model(_the_models), "written into a tensor|takes step 0")],
)
def test_writes_that_are_refused(model, said):
    with pytest.raises(Ltc2NeuroError, match=said):
        trace(model, list(X))
