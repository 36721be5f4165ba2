"""Models that read time along another axis."""

import numpy as np
import pytest
import torch
from layer_agreement import drifting
from torch import nn

import ltc2neuro
from hw_models.errors import TraceError
from ltc2neuro.nn import TimeAxis

X = drifting(3, batch=3, steps=40).astype(np.float32)
KINDS = np.stack([X, X, np.random.default_rng(0).random(X.shape) < 0.5], 2, dtype=np.float32)


class Causal(nn.Module):
    """Two causal convolutions, each of two samples: (batch, features, time)."""

    def __init__(self, returned=lambda y: y):
        super().__init__()
        self.first, self.second, self.returned = nn.Conv1d(3, 4, 2), nn.Conv1d(4, 5, 2), returned

    def forward(self, x):
        y = torch.relu(self.first(nn.functional.pad(x, (1, 0))))
        return self.returned(self.second(nn.functional.pad(y, (1, 0))))


class Kinds(nn.Module):
    """Values, those before, and masks: (batch, 3, time, features), as in GRU-Ds; `squeeze` takes a single row away."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(3, 4)

    def forward(self, x):
        value, before, mask = (x[:, kind].squeeze() for kind in range(3))
        h, answers = x.new_zeros(len(x), 4), []
        for t in range(x.shape[2]):
            seen = mask[:, t] * value[:, t] + (1 - mask[:, t]) * before[:, t]
            h = self.cell(seen, h)
            answers.append(h)
        return torch.stack(answers, 1)


@pytest.mark.parametrize(
    ("returned", "shape"),
    [(lambda y: y, (3, 40, 5)), (lambda y: y[..., -1], (3, 5)), (lambda y: {"y": y, "mean": y.mean(-1)}, None)],
    ids=["every", "last", "two"],
)
def test_it_is_the_same_model(returned, shape):
    torch.manual_seed(0)
    model = Causal(returned).eval()
    net = ltc2neuro.compile(TimeAxis(model), X)
    assert ltc2neuro.verify(net, TimeAxis(model), X, min_sqnr=30.0, on=["reference"]).passed
    if shape is not None:
        assert np.asarray(net(X)).shape == shape
        with torch.no_grad():
            y = model(torch.from_numpy(X).transpose(1, 2))
        assert np.abs(np.asarray(net(X)) - (y.transpose(1, 2) if y.dim() == 3 else y).numpy()).max() < 0.1


def test_time_behind_kinds():
    torch.manual_seed(0)
    model = TimeAxis(Kinds(), 2)
    net = ltc2neuro.compile(model, KINDS)
    assert [(state.name, state.size) for state in net.float_graph.states] == [("model.cell.h", 4)]
    assert ltc2neuro.verify(net, model, KINDS, min_sqnr=30.0, on=["reference"]).passed


@pytest.mark.parametrize("given", [X, X.swapaxes(1, 2)], ids=["batch, time", "batch, features"])
def test_it_is_said_where_it_is_needed(given):
    with pytest.raises(TraceError, match=r"reads \(batch, features, time\), and a network") as told:
        ltc2neuro.compile(Causal(), given)
    x = "x" if given is X else "x.swapaxes(1, 2)"
    assert f"TimeAxis(model), {x})" in told.value.advice and "fails on (2, 1, 3)" in told.value.numbers
    with pytest.raises(TraceError, match=r"reads \(batch, 3, time, 3\)") as told:
        ltc2neuro.compile(Kinds(), KINDS)
    assert "TimeAxis(model, 2), x)" in told.value.advice


def test_it_is_said_of_one_that_pools():
    model = nn.Sequential(nn.Conv1d(3, 4, 7), nn.MaxPool1d(2), nn.Conv1d(4, 4, 5))
    with pytest.raises(TraceError, match=r"reads \(batch, features, time\), and a network"):
        ltc2neuro.compile(model, X)


@pytest.mark.parametrize("model", [lambda x: x - x[:, 3:4], lambda x: x.flip(1)], ids=["a fixed step", "ahead"])
def test_it_is_not_said_of_others(model):
    class Function(nn.Module):
        def forward(self, x):
            return model(x)

    with pytest.raises(TraceError) as told:
        ltc2neuro.compile(Function(), X)
    assert "TimeAxis" not in told.value.advice
