"""LTC-SE: as published in 2023 and 2024, and the usable leaky form."""

import numpy as np
import pytest
import torch
from cell_test import CellTest, sigmoid
from layer_agreement import agrees, scrambled

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


class TestCTRNN(TestLeaky):
    options = {"variant": "ctrnn", "activation": "relu", "cell_clip": 0.7}  # noqa: RUF012

    def step(self, p, x, state, elapsed):
        h = np.clip(np.maximum(self.n(p, x, state[0]), 0), -0.7, 0.7)
        return h, [h]


class TestCTGRU(CellTest):
    kind, options, floor = LTCSE, {"variant": "ctgru", "cell_clip": 0.8}, 50

    def step(self, p, x, state, elapsed):
        (h,) = state
        z, r = np.split(
            sigmoid(p["gate_inputs.weight"] @ x + p["gate_inputs.bias"] + p["gate_recurrent.weight"] @ h), 2
        )
        new = np.tanh(p["inputs.weight"] @ x + p["inputs.bias"] + r * (p["recurrent.weight"] @ h))
        h = np.clip((1 - z) * h + z * new, -0.8, 0.8)
        return h, [h]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"alpha": 6}, r"\|1 - alpha\| = 5"),
        ({"alpha": 2}, r"\|1 - alpha\| = 1"),
        ({"solver": "explicit"}, "'explicit' .* no leak"),
        ({"solver": "rk4"}, "'rk4' .* no leak"),
    ],
)
def test_a_lost_contraction_is_refused_unless_allowed(options, why):
    with pytest.raises(InputError, match=rf"(?s)contraction lost.*{why}"):
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


def test_the_node_is_the_ctrnn_with_tanh_and_the_cell_of_2023():
    layers = [LTCSE(2, 3, variant=variant) for variant in ("node", "ctrnn", "2023")]
    for other in layers[1:]:
        other.load_state_dict(layers[0].state_dict())
    x = torch.randn(2, 5, 2)
    assert all(torch.equal(layer(x)[0], layers[0](x)[0]) for layer in layers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "ctrnn", "solver": "rk4"}, "neither a solver nor a gain"),
        ({"variant": "ctgru", "alpha": 6}, "neither a solver nor a gain"),
        ({"variant": "node", "activation": "relu"}, "it is tanh"),
        ({"activation": "softsign"}, "no activation 'softsign'"),
        ({"cell_clip": -1}, "cell_clip must be above 0"),
    ],
)
def test_options_that_its_classes_do_not_have(options, message):
    with pytest.raises(InputError, match=message):
        LTCSE(2, 3, **options)


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "elu", "gelu", "silu", "softplus"])
def test_other_activations(activation):
    layer = scrambled(LTCSE(2, 4, alpha=0.5, activation=activation), 0, 0.3)
    assert layer.cell.unbounded == (activation != "sigmoid")
    agrees(layer, 2)


def test_a_clip_bounds_a_gain_that_diverges():
    layer = LTCSE(2, 8, alpha=6, cell_clip=2.0)
    with torch.no_grad():
        y, _ = layer(torch.randn(1, 20, 2), torch.full((1, 8), 2.0))
    assert y.abs().max() == 2.0
    assert not layer.cell.unbounded


def test_its_gru_is_that_of_torch_with_z_negated():
    """What the code of LTC-SE calls CTGRU: [z r] = sigmoid(xK + hR + b), z weights the new value."""
    rng = np.random.default_rng(0)
    kernel, recurrent, bias = rng.normal(size=(3, 3, 4)), rng.normal(size=(3, 4, 4)), rng.normal(size=(3, 4))
    x, h = rng.normal(size=3), rng.normal(size=4)
    z, r = (sigmoid(x @ kernel[g] + h @ recurrent[g] + bias[g]) for g in (0, 1))
    c = np.tanh(x @ kernel[2] + r * (h @ recurrent[2]) + bias[2])
    cell = torch.nn.GRUCell(3, 4).double()
    rows = [(1, 1), (0, -1), (2, 1)]
    with torch.no_grad():
        cell.weight_ih.copy_(torch.from_numpy(np.concatenate([sign * kernel[g].T for g, sign in rows])))
        cell.weight_hh.copy_(torch.from_numpy(np.concatenate([sign * recurrent[g].T for g, sign in rows])))
        cell.bias_ih.copy_(torch.from_numpy(np.concatenate([sign * bias[g] for g, sign in rows])))
        cell.bias_hh.zero_()
        found = cell(torch.from_numpy(x)[None], torch.from_numpy(h)[None])[0].numpy()
    assert np.allclose(found, (1 - z) * h + z * c, atol=1e-12)
