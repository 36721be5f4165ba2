"""A model in training mode is compiled as in evaluation mode, and that is said where it matters."""

import warnings

import numpy as np
import pytest

import ltc2neuro

torch = pytest.importorskip("torch", reason="compiling needs the extra torch")
from torch import nn  # noqa: E402

X = np.random.default_rng(0).normal(size=(2, 8, 3))


class Model(nn.Module):
    def __init__(self, between, layers=1, dropout=0.0):
        super().__init__()
        self.rnn = nn.GRU(3, 4, layers, batch_first=True, dropout=dropout)
        self.between, self.head = between, nn.Linear(4, 2)

    def forward(self, x):
        y = self.rnn(x)[0]
        shape = y.shape
        return self.head(self.between(y.reshape(-1, shape[-1])).reshape(shape))


def said(model):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net = ltc2neuro.compile(model, X)
    return net, [str(w.message) for w in caught if "training mode" in str(w.message)]


@pytest.mark.parametrize("between", [nn.Dropout(0.3), nn.BatchNorm1d(4)], ids=lambda m: type(m).__name__)
def test_what_differs_is_named_once_and_the_flag_is_kept(between):
    model = Model(between).train()
    net, messages = said(model)
    assert len(messages) == 1 and f"between ({type(between).__name__})" in messages[0] and "model.eval()" in messages[0]
    assert all(m.training for m in model.modules())
    model.eval()
    with torch.no_grad():
        expected = model(torch.tensor(X, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(net(X), expected, atol=0.05)


def test_dropout_between_the_layers_of_a_recurrent_network_is_named():
    (message,) = said(Model(nn.Identity(), layers=2, dropout=0.2).train())[1]
    assert "rnn (GRU)" in message


@pytest.mark.parametrize(
    "model",
    [
        Model(nn.Identity()).train(),
        Model(nn.Dropout(0.0)).train(),
        Model(nn.Dropout(0.3)).eval(),
        Model(nn.BatchNorm1d(4)).eval(),
    ],
    ids=["nothing inside", "dropout of 0", "dropout, evaluated", "batch norm, evaluated"],
)
def test_nothing_is_said_where_nothing_differs(model):
    assert said(model)[1] == []


class Functional(nn.Module):
    """What differs is written into forward, where no module tells of it."""

    def __init__(self, what):
        super().__init__()
        self.linear, self.what = nn.Linear(3, 4), what

    def forward(self, x):
        return self.what(self.linear(x), self.training)


@pytest.mark.parametrize(
    "what",
    [lambda y, on: nn.functional.dropout(y, 0.5, training=on), lambda y, on: y if on else torch.tanh(y)],
    ids=["dropout", "an if"],
)
def test_what_forward_does_otherwise_is_said_once(what):
    model, before = Functional(what).train(), torch.get_rng_state()
    (message,) = said(model)[1]
    assert "self.training" in message and model.training
    assert torch.equal(torch.get_rng_state(), before)
    assert said(model.eval())[1] == []
