"""Shifts and differences by two and more steps, before layers whose states move before a sample reaches them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from layer_agreement import executors_agree, over_many_steps
from ncps.torch import LTC, CfC
from torch import nn

from hw_models.errors import Ltc2NeuroError
from ltc2neuro.tracing import Traced, trace

X = np.random.default_rng(0).normal(size=(3, 12, 3))


class Delayed(nn.Module):
    """A layer of features that a function makes of a sequence."""

    def __init__(self, layer: nn.Module, made) -> None:
        super().__init__()
        self.layer, self.made = layer, made

    def forward(self, x):
        y = self.layer(self.made(x))
        return y[0] if isinstance(y, tuple) else y


def _shifted(k: int):
    return lambda x: F.pad(x, (0, 0, k, 0))[:, :-k]


def _differences(k: int):
    return lambda x: torch.cat([torch.zeros_like(x[:, :k]), x[:, k:] - x[:, :-k]], 1)


def _several(*lags: int):
    return lambda x: torch.cat([_differences(k)(x) for k in lags], -1)


def _filled(x):
    d = torch.zeros_like(x)
    d[:, 2:] = x[:, 2:] - x[:, :-2]
    return d


def _rolled(x):
    return torch.where((torch.arange(x.shape[1]) < 3)[:, None], 0.0, x - torch.roll(x, 3, 1))


def _gru(features: int = 3, units: int = 4) -> nn.Module:
    return nn.GRU(features, units, batch_first=True)


MODELS = {
    "a shift by 2 before a GRU": lambda: Delayed(_gru(), _shifted(2)),
    "a shift by 2 before a small GRU": lambda: Delayed(_gru(units=2), _shifted(2)),
    "a shift by 3 before an LTC": lambda: Delayed(LTC(3, 4), _shifted(3)),
    "differences by 1 before an LSTM": lambda: Delayed(nn.LSTM(3, 4, batch_first=True), _differences(1)),
    "differences by 2 before an LSTM": lambda: Delayed(nn.LSTM(3, 4, batch_first=True), _differences(2)),
    "differences by 5 before a linear layer": lambda: Delayed(nn.Linear(3, 2), _differences(5)),
    "differences by 2 before an LTC": lambda: Delayed(LTC(3, 4), _differences(2)),
    "differences by 2 and 3": lambda: Delayed(_gru(6), _several(2, 3)),
    "filled": lambda: Delayed(CfC(3, 4), _filled),
    "rolled by 3": lambda: Delayed(_gru(), _rolled),
    "second differences": lambda: Delayed(
        _gru(), lambda x: torch.diff(F.pad(x, (0, 0, 2, 0)), n=2, dim=1)[:, : x.shape[1]]
    ),
}


@cache
def traced(name: str) -> Traced:
    torch.manual_seed(0)
    return over_many_steps(MODELS[name](), X, 1000 if "GRU" in name else 100)


@pytest.mark.parametrize("name", MODELS)
def test_one_program_equals_torch_over_many_steps(name):
    traced(name)


@pytest.mark.parametrize("name", ["differences by 2 and 3"])
def test_every_executor_runs_them(name):
    torch.manual_seed(0)
    assert executors_agree(MODELS[name]().eval(), X, ["native", "onnx"]) > 35


@pytest.mark.parametrize("steps", [1, 2])
def test_what_moves_is_computed_from_the_first_step_on(steps):
    """The state of the layer is one, and its first numbers are computed, not held by flags."""
    graph = traced(f"differences by {steps} before an LSTM").graph
    assert {s.name: s.size for s in graph.states if not s.name.startswith(("x.", "started"))} == {
        "layer.c": 4,
        "layer.h": 4,
    }


def test_delays_of_a_state_that_moves_start_at_its_numbers():
    """h is read two steps late: what it was after the first and the second step of zeros. It is kept, as it is smaller
    than a sample."""
    torch.manual_seed(0)
    model = MODELS["a shift by 2 before a small GRU"]().double()
    graph = over_many_steps(model, X, 50).graph
    h = model.layer(torch.zeros(1, 2, 3, dtype=torch.float64))[0][0].detach().numpy()
    starts = [graph.constants[s.initial] for s in graph.states]
    assert np.allclose(starts, h[::-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda x: x[:, 2:] - x[:, :-2], "only some steps|another number"),
        (lambda x: F.pad(x[:, 2:] - x[:, :-2], (0, 0, 2, 0)), "as long as the sequence allows"),
        (lambda x: torch.roll(x, 3, 1), "not causal|at fixed places"),
        (lambda x: F.pad(x, (0, 0, 0, 3))[:, 3:], "not causal"),
        (lambda x: x * torch.cumsum(torch.ones_like(x), 1), "a number changes"),
    ],
)
def test_what_is_no_delay_is_refused(made, said):
    with pytest.raises(Ltc2NeuroError, match=said):
        trace(Delayed(nn.Linear(3, 2), made), list(X))


class Last(nn.Module):
    """The last answer of a layer, as a function takes it."""

    def __init__(self, cut) -> None:
        super().__init__()
        self.rnn, self.cut = _gru(), cut

    def forward(self, x):
        return self.cut(self.rnn(x)[0])


@pytest.mark.parametrize("cut", [lambda y: y[:, -1], lambda y: y[:, y.shape[1] - 1], lambda y: y[:, :500][:, -1]])
def test_the_last_step_is_taken_as_ever(cut):
    """Not what is at a place that a number tells."""
    graph = over_many_steps(Last(cut), X, 50).graph
    assert [s.name for s in graph.states] == ["rnn.h"]
