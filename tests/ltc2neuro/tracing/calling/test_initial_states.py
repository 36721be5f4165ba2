"""States that a model wants as arguments: None where that will do, else zeros that fit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hw_models.errors import TraceError
from ltc2neuro.tracing.calling.initial_states import Starts, first_states

X = torch.zeros(2, 7, 3)


class Layer(nn.Module):
    def __init__(self, layer: nn.Module, *, unpacks: bool = False) -> None:
        super().__init__()
        self.layer, self.unpacks = layer, unpacks

    def forward(self, x, hidden):
        if self.unpacks:
            h, c = hidden
            hidden = h, c
        return self.layer(x, hidden)


class Masked(nn.Module):
    def forward(self, x, mask):
        return x * mask


class Odd(nn.Module):
    def forward(self, x, state):
        return x + state.missing


def test_none_comes_first():
    model = Layer(nn.GRU(3, 4, 2, batch_first=True))
    assert Starts(model, first_states(model)).besides((X,), {}) == {"hidden": None}


def test_zeros_that_fit():
    model = Layer(nn.LSTM(3, 4, 2, batch_first=True), unpacks=True)
    h, c = Starts(model, first_states(model)).besides((X,), {})["hidden"]
    assert h.shape == c.shape == (2, 2, 4)


def test_what_is_given_is_left():
    model = Layer(nn.GRU(3, 4))
    assert Starts(model, first_states(model)).besides((X, None), {}) == {}


def test_other_arguments_are_no_states():
    assert first_states(Masked()) == ()


def test_states_that_nothing_fits_are_refused():
    with pytest.raises(TraceError, match="neither None nor zeros fit"):
        Starts(Odd(), first_states(Odd())).besides((X,), {})
