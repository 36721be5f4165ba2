"""What a model loses in float32 itself is said: the network is the model in float64."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import ltc2neuro
from ltc2neuro.metrics import sqnr

torch.manual_seed(0)
X = np.random.default_rng(0).uniform(-1, 1, (4, 24, 2))


class Snaps(nn.Module):
    """Rounds to eighths in float32, and not at all in float64."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh((x + 1.5 * 2**20) - 1.5 * 2**20)


class Leaks(nn.Module):
    """A leak whose step is below its state's resolution in float32."""

    state_size = 2

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        v = ((state + 0.01 * (x - state)) + 2e5) - 2e5
        return v, v


@pytest.mark.parametrize("model", [nn.Sequential(Snaps(), nn.Linear(2, 2)), ltc2neuro.nn.Recurrent(Leaks())])
def test_float32_that_loses_the_signal_is_said_with_its_decibels(model: nn.Module) -> None:
    with pytest.warns(UserWarning, match=r"in float32, its own type, the model itself keeps only .* dB .* channel \["):
        net = ltc2neuro.compile(model, X)
    answer = model.double()(torch.tensor(X))
    in_float64 = (answer[0] if isinstance(answer, tuple) else answer).detach().numpy()
    assert sqnr([in_float64.reshape(-1, 2)], [net(X).reshape(-1, 2)]) > 40  # the network is the model in float64


@pytest.mark.parametrize("model", [nn.Sequential(Snaps(), nn.Linear(2, 2)).double(), nn.GRU(2, 3, batch_first=True)])
def test_nothing_is_said_of_a_model_in_float64_or_of_one_that_loses_nothing(model: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ltc2neuro.compile(model, X)
