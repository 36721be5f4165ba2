"""LTC-SE: as published in 2023 and 2024, and the usable leaky form."""

import numpy as np
import pytest
import torch
from cell_test import CellTest

from hw_models.errors import InputError
from ltc2neuro.nn import LTCSE


class TestLeaky(CellTest):
    kind, options, floor = LTCSE, {"alpha": 0.4}, 50

    def n(self, p, x, h):
        return p["inputs.weight"] @ x + p["inputs.bias"] + p["recurrent.weight"] @ h

    def step(self, p, x, state, elapsed):
        (h,) = state
        h = h + 0.4 * (np.tanh(self.n(p, x, h)) - h)
        return h, [h]


class TestElman(TestLeaky):
    options = {"variant": "2023", "alpha": 6}  # noqa: RUF012

    def step(self, p, x, state, elapsed):
        h = np.tanh(self.n(p, x, state[0]))
        return h, [h]


class TestRungeKutta(TestLeaky):
    floor, options = 44, {"solver": "rk4", "alpha": 6, "allow_growth": True}

    def step(self, p, x, state, elapsed):
        n, d = self.n(p, x, state[0]), 1 / 6
        k1 = np.tanh(n)
        k2 = np.tanh(n + d * k1 / 2)
        k3 = np.tanh(n + d * k2 / 2)
        k4 = np.tanh(n + d * k3)
        h = state[0] + d / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return h, [h]


class TestExplicit(TestLeaky):
    options = {"solver": "explicit", "alpha": 0.1, "allow_growth": True}  # noqa: RUF012

    def step(self, p, x, state, elapsed):
        h = state[0] + 0.1 * np.tanh(self.n(p, x, state[0]))
        return h, [h]


@pytest.mark.parametrize("options", [{"alpha": 6}, {"alpha": 2}, {"solver": "explicit"}, {"solver": "rk4"}])
def test_a_lost_contraction_is_refused_unless_allowed(options):
    with pytest.raises(InputError, match="contraction lost"):
        LTCSE(2, 3, **options)
    assert LTCSE(2, 3, **options, allow_growth=True).cell.unbounded


def test_the_published_gain_diverges():
    torch.manual_seed(0)
    layer = LTCSE(2, 8, alpha=6, allow_growth=True)
    with torch.no_grad():
        y, _ = layer(torch.randn(1, 20, 2), torch.full((1, 8), 2.0))
    assert y.abs().max() > 1e6


def test_alpha_of_one_is_the_cell_of_2023():
    new, old = LTCSE(2, 3, alpha=1.0), LTCSE(2, 3, variant="2023", solver="rk4")
    old.load_state_dict(new.state_dict())
    x = torch.randn(2, 5, 2)
    assert torch.allclose(new(x)[0], old(x)[0], atol=1e-6)


@pytest.mark.parametrize("options", [{"alpha": 0}, {"variant": "2025"}, {"solver": "euler"}])
def test_options_that_there_are_not(options):
    with pytest.raises(InputError):
        LTCSE(2, 3, **options)
