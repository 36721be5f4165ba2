"""What states of a loop are called that live in attributes, dicts and objects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from layer_agreement import over_many_steps
from torch import nn

from hw_models.errors import TraceError
from ltc2neuro.tracing import trace

X = list(np.random.default_rng(0).normal(size=(2, 8, 3)))


class Kept:
    """What a loop keeps, in an object of its own."""

    def __init__(self, v: torch.Tensor) -> None:
        self.v = v


class Loop(nn.Module):
    """Two states, kept where a function says."""

    def __init__(self, stepped) -> None:
        super().__init__()
        self.fast, self.slow, self.stepped = nn.Linear(7, 4), nn.Linear(7, 4), stepped

    def forward(self, x):
        self._v = self.w = x.new_zeros(len(x), 4)
        kept, answers = Kept(self.w), []
        states = {"p": self.w, "q": self.w}
        for x_t in x.unbind(1):
            answers.append(self.stepped(self, x_t, kept, states))
        return torch.stack(answers, 1)


def _attributes(net, x, kept, states):
    net._v, net.w = (
        0.9 * net._v + torch.tanh(net.fast(torch.cat([x, net.w], -1))),
        0.8 * net.w + torch.tanh(net.slow(torch.cat([x, net._v], -1))),
    )
    return net._v * net.w


def _entries(net, x, kept, states):
    states["p"] = 0.9 * states["p"] + torch.tanh(net.fast(torch.cat([x, states["q"]], -1)))
    states["q"] = 0.8 * states["q"] + torch.tanh(net.slow(torch.cat([x, states["p"]], -1)))
    return states["p"] * states["q"]


def _object(net, x, kept, states):
    kept.v = 0.9 * kept.v + torch.tanh(net.fast(torch.cat([x, kept.v], -1)))
    return kept.v


@pytest.mark.parametrize(("stepped", "names"), [(_attributes, {"v", "w"}), (_entries, {"p", "q"}), (_object, {"v"})])
def test_states_have_the_users_names(stepped, names):
    assert {state.name for state in trace(Loop(stepped).double(), X).graph.states} == names


class Cell(NamedTuple):
    """What a spiking neuron keeps, as those of norse do."""

    v: torch.Tensor
    i: torch.Tensor


class Tupled(nn.Module):
    """Two states in a named tuple; the layer's last state has no name where it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(3, 4), nn.Linear(4, 2)
        self.constants = Cell(torch.full((4,), 0.9), torch.full((4,), 0.7))  # float32, whatever the model is in

    def _loop(self, x):
        state, answers = Cell(x.new_zeros(len(x), 4), x.new_zeros(len(x), 4)), []
        for x_t in x.unbind(1):
            state = Cell(self.constants.v * torch.sin(state.v) + state.i, self.constants.i * state.i + self.layer(x_t))
            answers.append(torch.tanh(state.v))
        return torch.stack(answers, 1), state.v

    def forward(self, x):
        y, _ = self._loop(x)
        return self.head(y)


def test_states_in_a_named_tuple_have_the_names_of_its_fields():
    torch.manual_seed(0)
    traced = over_many_steps(Tupled(), np.stack(X), 50)
    assert {state.name for state in traced.graph.states} == {"state.v", "state.i"}


class Strict(dict[str, float]):
    """A config as many write it: an attribute that it lacks is a KeyError."""

    __getattr__ = dict.__getitem__


def _with_a_config(net, x, kept, states):
    config = Strict(decay=0.9)
    kept.v = config.decay * kept.v + torch.tanh(net.fast(torch.cat([x, kept.v], -1)))
    return kept.v


def test_variables_are_not_asked_for_attributes():
    assert [s.name for s in trace(Loop(_with_a_config), X).graph.states] == ["v"]


def test_a_model_that_cannot_be_copied_is_told():
    model = Loop(_object)
    model.config = Strict(decay=0.9)
    with pytest.raises(TraceError, match=r"(?s)cannot be copied.*KeyError.*deepcopy\(model\)"):
        trace(model, X)
