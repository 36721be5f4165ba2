"""Means, sums and extremes over time: the host makes them of the answers at all steps, or the chip keeps them."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra torch")

import torch
from torch import nn

import ltc2neuro
from hw_models.errors import Ltc2NeuroError
from ltc2neuro.metrics import sqnr

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)


class Model(nn.Module):
    """A layer, or a loop of one's own, and what `end` makes of its answers and of a head."""

    def __init__(self, end, *, loop: bool = False, batch_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.end, self.loop, self.head = end, loop, nn.Linear(4, 2)
        self.cell, self.layer = nn.RNNCell(3, 4), nn.RNN(3, 4, batch_first=batch_first)

    def forward(self, x):
        if not self.loop:
            return self.end(self.layer(x)[0], self.head)
        h, answers = x.new_zeros(len(x), 4), []
        for x_t in x.unbind(1):
            h = self.cell(x_t, h)
            answers.append(h)
        return self.end(torch.stack(answers, 1), self.head)


READOUTS = {
    "mean": ("mean", lambda y, head: head(y.mean(1))),
    "mean of heads": ("mean", lambda y, head: head(y).mean(dim=1)),
    "mean kept": ("mean", lambda y, head: torch.mean(y, 1, keepdim=True).squeeze(1) / 2 + 0.5),
    "mean over features, too": ("mean", lambda y, head: head(y).mean((1, 2))),
    "pool of all": ("mean", lambda y, head: head(nn.functional.avg_pool1d(y.transpose(1, 2), y.shape[1])[..., 0])),
    "pool": ("mean", lambda y, head: head(nn.functional.adaptive_avg_pool1d(y.transpose(1, 2), 1).flatten(1))),
    "sum over their number": ("mean", lambda y, head: head(y.sum(1) / y.shape[1])),
    "added up by hand": ("mean", lambda y, head: head(sum(y.unbind(1)) / y.size(1))),
    "mean of changes": (
        "mean",
        lambda y, head: head(torch.diff(y, dim=1, prepend=torch.zeros_like(y[:, :1])).abs().mean(1)),
    ),
    "sum": ("sum", lambda y, head: y.sum(1)),
    "sum and a bias": ("sum", lambda y, head: head(y.sum(1))),
    "max": ("max", lambda y, head: head(y).max(1).values),
    "amax of some": ("max", lambda y, head: y.amax(1)[:, 1:]),
    "min": ("min", lambda y, head: head(y).min(dim=1)[0]),
    "max before a layer": ("last", lambda y, head: head(y.max(1)[0])),
    "product": ("last", lambda y, head: head(torch.sigmoid(4 + y).prod(1))),
    "logarithm of a sum": ("last", lambda y, head: head(y.logsumexp(dim=1))),
    "sum before tanh": ("last", lambda y, head: torch.tanh(head(0.2 * y.sum(1)))),
    "sum and the last": ("last", lambda y, head: y.sum(1) + y[:, -1]),
    "mean before tanh": ("last", lambda y, head: torch.tanh(head(y.mean(1)))),
    "mean, largest and last": ("last", lambda y, head: head(y.mean(1) + y.amax(1)) + head(y[:, -1])),
    "softmax of a mean": ("last", lambda y, head: torch.softmax(head(y.mean(1)), -1)),
    "joined": ("last", lambda y, head: torch.cat([y.mean(1), y.max(1).values, y[:, -1]], -1)),
    "pools": (
        "last",
        lambda y, head: torch.cat([nn.functional.adaptive_max_pool1d(y.mT, 1), y.mT.mean(-1, keepdim=True)], 1)[..., 0],
    ),
    "rates in the type of weights": ("mean", lambda y, head: (y > 0).float().mean(1)),
    "spread": ("last", lambda y, head: head(y.std(1, correction=0))),
    "spread of samples": ("last", lambda y, head: y[..., :2].var(1)),
    "mean without the first": ("mean of all but 2", lambda y, head: head(y[:, 2:].mean(1))),
    "mean of heads without the first": ("mean of all but 2", lambda y, head: head(y[:, 1:][:, 1:]).mean(1)),
    "sum without the first": ("sum of all but 3", lambda y, head: head(y[:, 3:].sum(1))),
    "first": ("first", lambda y, head: torch.tanh(head(y[:, 0]))),
    "latest": ("last 4", lambda y, head: torch.tanh(head(y[:, -4:, :]))),
    "latest two": ("last 2", lambda y, head: head(y)[:, -2:]),
    "one of the latest": ("last 5", lambda y, head: head(y)[..., -5:, 1]),
    "more than there are": ("last 40", lambda y, head: head(y[:, -40:])),
    "mean of the latest": ("mean of last 3", lambda y, head: head(y[:, -3:].mean(1))),
    "sum of the latest": ("sum of last 3", lambda y, head: head(y[:, -3:].sum(1))),
    "max of the latest": ("max of last 3", lambda y, head: y[:, -3:].amax(1)),
    "max of the latest before a layer": ("last", lambda y, head: head(y[:, -3:].amax(1))),
    "sum of the latest before tanh": ("last", lambda y, head: torch.tanh(head(y[:, -3:].sum(1)))),
    "mean of the latest before tanh": ("last", lambda y, head: torch.tanh(head(y[:, -4:].mean(1)))),
}
LOOPED = [
    "mean", "joined", "mean without the first", "max before a layer", "latest", "mean of the latest",
    "mean of the latest before tanh",
]  # fmt: skip


def torchs(model: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.eval()(torch.from_numpy(x)).numpy()


@pytest.mark.filterwarnings("ignore:the state .* grow")
@pytest.mark.parametrize(("name", "loop"), [(n, False) for n in READOUTS] + [(n, True) for n in LOOPED])
def test_readouts_are_those_of_torch(name, loop):
    readout, end = READOUTS[name]
    model = Model(end, loop=loop)
    net = ltc2neuro.compile(model, X)
    assert net.readout == readout
    y = net(X)
    assert y.shape == torchs(model, X).shape and sqnr([torchs(model, X)], [y]) > 35
    assert np.array_equal(net.shaped(net.run(X).outputs), y)
    assert [s.name for s in net.float_graph.states if "h" in s.name]  # the layer's own
    stream = net.stream(len(X))
    for t in range(X.shape[1]):  # no number where all steps are left out
        assert np.array_equal(stream.step(X[:, t]), net(X[:, : t + 1]), equal_nan=True)
    stream.reset()
    assert np.array_equal(stream.step(X[:, 0]), net(X[:, :1]), equal_nan=True)


@pytest.mark.parametrize("name", [
    "mean", "sum and a bias", "max", "first", "latest", "mean of the latest", "mean without the first"
])  # fmt: skip
def test_every_way_to_run_them_is_the_same(name, tmp_path):
    """Files, lists of sequences of different lengths, executors, ONNX models, and `verify`."""
    model = Model(READOUTS[name][1])
    net = ltc2neuro.compile(model, X)
    y = net(X)
    net.save(tmp_path / "m.l2n")
    loaded = ltc2neuro.load(tmp_path / "m.l2n")
    assert np.array_equal(loaded(X), y) and loaded.answers == net.answers
    ragged = [X[0], X[1, :5], X[2, :1]]
    assert all(np.array_equal(one, net(x[None])[0], equal_nan=True) for one, x in zip(net(ragged), ragged, strict=True))
    for on in ("simulator", *(["native"] if find_spec("llvmlite") else [])):
        assert np.array_equal(net.shaped(net.run(X, on=on).outputs), y)
    verdict = ltc2neuro.verify(net, model, X, targets=torchs(model, X), metric="mse", min_sqnr=30.0, on=("simulator",))
    assert verdict.passed
    report = ltc2neuro.evaluate(net, X, targets=torchs(model, X), metric="mse")
    assert report.metrics["mse"].integer == pytest.approx(float(np.mean((y - torchs(model, X)) ** 2)))
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    net.to_onnx(tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert np.array_equal(session.run(["y"], {"x": X.astype(np.float64)})[0], y)


def test_time_may_be_first_and_answers_several():
    model = Model(
        lambda y, head: {"all": y, "mean": head(y.mean(0)), "top": y.amax(0), "late": y[-3:]}, batch_first=False
    )
    net = ltc2neuro.compile(model, X.swapaxes(0, 1), batch_first=False)
    assert [a.readout for a in net.answers.each] == ["every", "mean", "max", "last 3"]
    with torch.no_grad():
        expected = model(torch.from_numpy(X.swapaxes(0, 1).copy()))
    found = net(X.swapaxes(0, 1))
    assert all(found[n].shape == e.shape and sqnr([e.numpy()], [found[n]]) > 35 for n, e in expected.items())


def test_images():
    class Frames(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.conv, self.head = nn.Conv2d(1, 2, 3), nn.Linear(8, 2)

        def forward(self, x):
            y = torch.relu(self.conv(x.flatten(0, 1))).unflatten(0, x.shape[:2])
            return self.head(y.mean(1).flatten(1))

    x = np.random.default_rng(1).normal(size=(3, 6, 1, 4, 4)).astype(np.float32)
    model = Frames()
    net = ltc2neuro.compile(model, x)
    assert net.readout == "mean" and sqnr([torchs(model, x)], [net(x)]) > 30


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda y, head: torch.tanh(y[:, 2:].mean(1)), "goes on computing with its mean of all but 2 steps"),
        (lambda y, head: y[:, 2:], "answers at all steps but the first 2"),
        (lambda y, head: y[:, 2:][:, -3:].mean(1), "takes the last of some steps"),
        (lambda y, head: head(y).std((1, 2)), "the spread over steps and features at once"),
    ],
)
def test_what_no_host_and_no_state_can_do_is_refused(end, said):
    with pytest.raises(Ltc2NeuroError, match=said):
        ltc2neuro.compile(Model(end), X)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (lambda y, head: head(y[:, -3:].flatten(1)[:, :4]), "fails on 1 step"),
        (lambda y, head: head(y[:, :3]), "takes only some steps|another shape|same at every step"),
        (lambda y, head: head(y[:, -5:] + y[:, -1:]), "answers to the last 5 steps change with the next sample"),
    ],
)
def test_what_is_no_cut_of_the_last_answers(end, said):
    with pytest.raises(Ltc2NeuroError, match=said):
        ltc2neuro.compile(Model(end), X)


def test_a_layer_that_reads_the_last_samples_alone():
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.GRU(3, 4, batch_first=True)

        def forward(self, x):
            return self.layer(x[:, -4:])[0]

    with pytest.raises(Ltc2NeuroError, match="answers to the last 4 steps change with the next sample"):
        ltc2neuro.compile(Late(), X)


def test_an_average_is_no_answer_to_each_step():
    with pytest.raises(Ltc2NeuroError, match="mixes batch rows or time steps"):
        ltc2neuro.compile(Model(lambda y, head: y - y.mean(1, keepdim=True)), X)
