"""Models that squeeze their answer: one row, one step and many, as in torch, and `verify` on the known answer."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from networks import FEATURES, sequences

import ltc2neuro
from ltc2neuro.errors import InputError, ProofError

X = sequences(time=12)


class Model(torch.nn.Module):
    """A readout of one output, and what `end` makes of it."""

    def __init__(self, end, outputs: int = 1, batch_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.layer, self.end = torch.nn.GRU(FEATURES, 5, batch_first=batch_first), end
        self.head = torch.nn.Linear(5, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(self.head(self.layer(x)[0]))


ENDS = {
    "squeeze()": lambda y: y.squeeze(),
    "squeeze(-1)": lambda y: y.squeeze(-1),
    "of the last step": lambda y: y[:, -1].squeeze(),
    "of rows": lambda y: y.squeeze(0),
    "of steps": lambda y: y.squeeze(1),
    "of time first": lambda y: y.transpose(0, 1).squeeze(),
}


def near(model: torch.nn.Module, net: ltc2neuro.Network, x: np.ndarray) -> None:
    with torch.no_grad():
        expected = model(torch.from_numpy(np.ascontiguousarray(x))).numpy()
    got = np.asarray(net(x))
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 0.01 * np.abs(expected).max()


@pytest.mark.parametrize("end", ENDS)
def test_shapes_are_torchs(end, tmp_path):
    model = Model(ENDS[end])
    net = ltc2neuro.compile(model, X)
    for x in (X, X[:1], X[:, :1], X[:1, :1]):
        near(model, net, x)
        assert ltc2neuro.verify(net, model, x, on=()).passed
    assert ltc2neuro.verify(net, model, on=()).passed
    net.save(tmp_path / "m.l2n")
    near(model, ltc2neuro.load(tmp_path / "m.l2n"), X[:1])


def test_time_first_too():
    model = Model(ENDS["squeeze()"], batch_first=False)
    net = ltc2neuro.compile(model, X, batch_first=False)
    for x in (X, X[:1], X[:, :1]):
        near(model, net, x)


def test_another_shape_for_one_row_is_refused():
    model = Model(lambda y: y.squeeze().reshape(-1, 1) if len(y) == 1 else y.squeeze(-1))
    with pytest.raises(ProofError, match="another shape where there is one row") as caught:
        ltc2neuro.compile(model, X)
    assert "y.squeeze(-1)" in caught.value.advice


def test_a_model_that_fails_on_one_row_is_told():
    def end(y: torch.Tensor) -> torch.Tensor:
        if len(y) == 1:
            raise IndexError("too few")
        return y

    net = ltc2neuro.compile(Model(end), X)
    with pytest.raises(InputError, match=r"the model fails on these samples in torch(.|\n)*IndexError: too few"):
        ltc2neuro.verify(net, Model(end), on=())
