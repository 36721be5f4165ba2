"""A series of single numbers, (batch, time): the model has no axis of features, and its network's arrays have none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

import ltc2neuro
from hw_models.errors import InputError

X = np.random.default_rng(0).normal(size=(4, 12)).astype(np.float32)


class Series(nn.Module):
    """Two cells by hand, over one sample after the other; in the other order with `axis` 0."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.axis, self.first, self.second, self.head = axis, nn.LSTMCell(1, 4), nn.GRUCell(4, 4), nn.Linear(4, 1)

    def forward(self, series, future=0):
        rows, answers = series.shape[1 - self.axis], []
        h, c, g = (torch.zeros(rows, 4, dtype=series.dtype) for _ in range(3))
        for now in series.split(1, dim=self.axis):
            h, c = self.first(now.reshape(rows, 1), (h, c))
            g = self.second(h, g)
            answers.append(self.head(g))
        return torch.cat(answers, dim=1) if self.axis else torch.stack(answers)


class Layer(nn.Module):
    """One number a step is a feature."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.head = nn.GRU(1, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.rnn(x.unsqueeze(-1))[0][:, -1])


@cache
def compiled() -> ltc2neuro.Network:
    return ltc2neuro.compile(Series(), X)


def torchs(model: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model(torch.from_numpy(x)).numpy()


def test_as_it_is_written():
    net, y = compiled(), compiled()(X)
    assert y.shape == (4, 12) and np.abs(y - torchs(Series(), X)).max() < 0.01
    assert [state.name for state in net.float_graph.states] == ["first.c", "first.h", "second.h"]
    assert "a number -> () at every step; arrays (batch, time)" in str(net)
    assert ltc2neuro.verify(net, Series(), X, min_sqnr=30.0).passed
    assert np.array_equal(net.run(X, on="native").integers, net.run(X).integers)


def test_layers():
    net = ltc2neuro.compile(Layer(), X)
    assert np.abs(net(X) - torchs(Layer(), X)).max() < 0.01
    of_features = ltc2neuro.compile(Features(), X[..., None])
    assert np.array_equal(of_features.run(X[..., None]).integers, net.run(X).integers)


class Features(Layer):
    def forward(self, x):
        return super().forward(x[..., 0])


def test_lists_batches_streams_and_files(tmp_path):
    net, y = compiled(), compiled()(X)
    assert all(np.array_equal(a, b) for a, b in zip(net([*X]), y, strict=True))
    assert np.array_equal(net([X[0, :5]])[0], y[0, :5])
    one, many = net.stream(), net.stream(len(X))
    assert np.array_equal([one.step(x) for x in X[0]], y[0])
    assert np.array_equal(np.stack([many.step(x) for x in X.T], 1), y)
    net.save(tmp_path / "n.l2n")
    assert np.array_equal(ltc2neuro.load(tmp_path / "n.l2n")(X), y)
    for given in ([*X, X[0, :5]], iter([X[:2], X[2:]])):
        assert ltc2neuro.compile(Series(), given).run(X).integers.shape == (4, 12, 1)


@pytest.mark.parametrize("form", ["sequence", "step"])
def test_onnx(tmp_path, form):
    pytest.importorskip("onnx", reason="needs the extra onnx")
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    compiled().to_onnx(tmp_path / "m.onnx", form, graph="float")
    session = runtime.InferenceSession(tmp_path / "m.onnx")
    given = {"x": X if form == "sequence" else X[:, 0]}
    for entry in session.get_inputs()[1:]:
        given[entry.name] = np.zeros((4, entry.shape[-1]), np.float32)
    y, expected = session.run(["y"], given)[0], torchs(Series(), X)
    assert np.abs(y - (expected if form == "sequence" else expected[:, 0])).max() < 1e-5


def test_time_first():
    net = ltc2neuro.compile(Series(axis=0), X.T, batch_first=False)
    assert net(X.T).shape == (12, 4, 1) and np.abs(net(X.T) - torchs(Series(axis=0), X.T.copy())).max() < 0.01


@pytest.mark.parametrize("model", [nn.GRU(3, 4, batch_first=True), nn.Tanh()], ids=["features", "any"])
def test_a_sequence_alone_is_refused(model):
    with pytest.raises(InputError, match="calibration has 2 dimensions"):
        ltc2neuro.compile(model, np.random.default_rng(0).normal(size=(20, 3)))


def test_an_axis_more_is_refused():
    with pytest.raises(InputError, match=r"expected \(batch, time\)"):
        compiled()(X[..., None])
