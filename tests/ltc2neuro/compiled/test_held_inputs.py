"""Inputs without a time axis, held over the sequence: whatever a model does with them and with the others."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from networks import sequences

import ltc2neuro
from ltc2neuro.errors import InputError, ProofError, TraceError

X = sequences(5, 10)
S = np.random.default_rng(1).uniform(-2, 2, (5, 2)).astype(np.float32)


class Model(torch.nn.Module):
    """Layers, and what `use` makes of them and of both inputs."""

    def __init__(self, use, batch_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.use = use
        self.both = torch.nn.GRU(5, 4, batch_first=batch_first)
        self.alone = torch.nn.GRU(3, 4, batch_first=batch_first)
        self.wide, self.narrow, self.late = torch.nn.Linear(2, 4), torch.nn.Linear(2, 2), torch.nn.Linear(6, 1)

    def forward(self, x: torch.Tensor, s: torch.Tensor) -> object:
        return self.use(self, x, s)


def expanded(m: Model, x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    return m.both(torch.cat([x, s[:, None].expand(-1, x.shape[1], -1)], -1))[0]


def modulated(m: Model, x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(m.wide(s))[:, None] * m.alone(x)[0] + m.wide(s).unsqueeze(1)


USES = {
    "expanded over the steps": expanded,
    "repeated": lambda m, x, s: m.both(torch.cat([s.unsqueeze(1).repeat(1, x.size(1), 1), x], 2))[0],
    "stacked": lambda m, x, s: m.both(torch.cat([x, torch.stack([s] * x.shape[1], 1)], -1))[0],
    "expanded to the shape of another": lambda m, x, s: m.both(torch.cat([x, s[:, None].expand_as(x[..., :2])], -1))[0],
    "embedded, then expanded": lambda m, x, s: m.both(
        torch.cat([x, torch.tanh(m.narrow(s))[:, None].expand(-1, x.shape[1], -1)], -1)
    )[0],
    "expanded, then embedded": lambda m, x, s: m.both(
        torch.cat([x, torch.tanh(m.narrow(s[:, None].expand(-1, x.shape[1], -1)))], -1)
    )[0],
    "modulating": modulated,
    "beside the last step": lambda m, x, s: m.late(torch.cat([m.alone(x)[0][:, -1], s], -1)),
    "an answer of its own": lambda m, x, s: {"y": m.alone(x)[0], "own": m.wide(s)},
}


def torchs(model: torch.nn.Module, x: np.ndarray, s: np.ndarray) -> list[np.ndarray]:
    with torch.no_grad():
        found = model(torch.from_numpy(x), torch.from_numpy(s))
    return [y.numpy() for y in (found.values() if isinstance(found, dict) else [found])]


def near(found: object, expected: list[np.ndarray]) -> None:
    got = list(found.values()) if isinstance(found, dict) else [np.asarray(found)]
    assert [y.shape for y in got] == [y.shape for y in expected]
    assert all(np.abs(a - b).max() < 0.01 * np.abs(b).max() for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("use", USES)
def test_a_held_input_is_there_at_every_step(use):
    model = Model(USES[use])
    net = ltc2neuro.compile(model, {"x": X, "s": S})
    assert net.inputs is not None and net.inputs.held.tolist() == [False] * 3 + [True] * 2
    near(net((X, S)), torchs(model, X, S))
    assert ltc2neuro.verify(net, model, (X, S), on=()).passed


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    return ltc2neuro.compile(Model(modulated), (X, S))


def test_streams_lists_and_files(net, tmp_path):
    whole = net((X, S))
    stream = net.stream(batch=len(X))
    assert np.array_equal(np.stack([stream.step((X[:, t], S)) for t in range(X.shape[1])], 1), whole)
    for y, row in zip(net(([X[0], X[1, :4]], S[:2])), whole, strict=False):
        assert np.array_equal(y, row[: len(y)])
    assert np.array_equal(net((list(X), list(S)))[4], whole[4])
    net.save(tmp_path / "m.l2n")
    loaded = ltc2neuro.load(tmp_path / "m.l2n")
    assert np.array_equal(loaded((X, S)), whole) and "s (2,), held" in str(loaded)


def test_time_first():
    def use(m: Model, x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        return m.both(torch.cat([x, s[None].expand(x.shape[0], -1, -1)], -1))[0] * torch.sigmoid(m.wide(s))

    model, x = Model(use, batch_first=False), X.swapaxes(0, 1).copy()
    near(ltc2neuro.compile(model, (x, S), batch_first=False)((x, S)), torchs(model, x, S))


@pytest.mark.parametrize("form", ["sequence", "step"])
def test_onnx_holds_it(net, tmp_path, form):
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    from onnxruntime import InferenceSession

    path, x, s = tmp_path / "m.onnx", X.astype(np.float64), S.astype(np.float64)
    net.to_onnx(path, form)
    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    if form == "sequence":
        assert np.array_equal(session.run(["y"], {"x": x, "s": s})[0], net((X, S)))
    else:
        given = {"x": x[:, 0], "s": s, "alone.h": np.zeros((len(X), 4), np.int64)}
        assert np.array_equal(session.run(["y"], given)[0], net((X, S))[:, 0])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((X, S[:2]), r"s does not fit x\n  numbers: shape \(2, 2\), expected \(5, 2\)"),
        ((X, S[:, :1]), r"s does not fit x\n  numbers: shape \(5, 1\), expected \(5, 2\)"),
        ((S, S), "x has 2 dimensions"),
    ],
)
def test_another_shape_is_refused(net, given, text):
    with pytest.raises(InputError, match=text):
        net(given)


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (lambda m, x, s: m.alone(x)[0] * m.wide(s.flip(0))[:, None], "changes the order of the batch's rows"),
        (lambda m, x, s: m.alone(x, m.wide(s)[None])[0], "starts from a computed state"),
        (lambda m, x, s: m.both(s[:, None].expand(-1, 4, -1))[0], "something other than a batch of whole sequences"),
    ],
    ids=["rows", "a start", "no steps"],
)
def test_what_it_cannot_do_is_refused(use, text):
    with pytest.raises(TraceError, match=text):
        ltc2neuro.compile(Model(use), (X, S))


def test_the_proof_holds_it_and_reaches_beyond_its_calibration():
    def bounded(m: Model, x: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        with torch._C.DisableTorchFunctionSubclass():
            far = bool((torch.Tensor.as_subclass(s, torch.Tensor).abs() > 20).any())
        return modulated(m, x, s) * (2.0 if far else 1.0)

    with pytest.raises(ProofError, match="beyond the calibration"):
        ltc2neuro.compile(Model(bounded), (X, S))
