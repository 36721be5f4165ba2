"""Models that return a tuple or dict: it comes back as one, from every way out of a network."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from networks import FEATURES, sequences

import ltc2neuro
from ltc2neuro.errors import ArtifactError, InputError, ProofError, TraceError
from ltc2neuro.tracing import trace

X = sequences(time=10)
Both = namedtuple("Both", "pose gate")


class Model(torch.nn.Module):
    """A layer with two heads, and what `end` makes of them and of its state."""

    def __init__(self, end, batch_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.layer, self.end = torch.nn.GRU(FEATURES, 5, batch_first=batch_first), end
        self.pose, self.gate = torch.nn.Linear(5, 2), torch.nn.Linear(5, 1)

    def forward(self, x: torch.Tensor) -> object:
        y, h = self.layer(x)
        return self.end(self.pose(y), torch.sigmoid(self.gate(y)), h)


ENDS = {
    "a tuple": lambda pose, gate, h: (pose, gate),
    "a list": lambda pose, gate, h: [pose, gate],
    "a state besides": lambda pose, gate, h: (pose, h, gate),
    "a named tuple": lambda pose, gate, h: Both(pose, gate),
    "a named tuple of a state": lambda pose, gate, h: Both(pose, h[0]),
    "a dict": lambda pose, gate, h: {"pose": pose, "gate": gate, "loss": None},
    "a dict of one": lambda pose, gate, h: {"pose": pose},
    "one at the last step": lambda pose, gate, h: (pose, gate[:, -1]),
    "both at the last step": lambda pose, gate, h: (pose[:, -1], gate[:, -1]),
    "one squeezed": lambda pose, gate, h: {"pose": pose, "gate": gate[:, -1].squeeze()},
    "twice the same": lambda pose, gate, h: (pose, pose.flip(-1)),
    "of two axes": lambda pose, gate, h: (pose.unsqueeze(-1), gate),
}


def torchs(model: torch.nn.Module, x: np.ndarray) -> dict[object, np.ndarray]:
    """What torch answers besides states and None, by name or number."""
    with torch.no_grad():
        found = model(torch.from_numpy(np.ascontiguousarray(x)))
    if isinstance(found, dict):
        return {name: y.numpy() for name, y in found.items() if y is not None}
    return dict(enumerate(y.numpy() for y in found if y.shape != (1, len(x), 5)))


def listed(found: object) -> dict[object, np.ndarray]:
    assert isinstance(found, (dict, tuple))
    return found if isinstance(found, dict) else dict(enumerate(found))


def near(found: object, expected: dict[object, np.ndarray]) -> None:
    found = listed(found)
    assert list(found) == list(expected)
    for name, y in expected.items():
        assert found[name].shape == y.shape and found[name].dtype == np.float64
        assert np.abs(found[name] - y).max() < 0.01 * np.abs(y).max()


@pytest.mark.parametrize("end", ENDS)
def test_they_come_back_as_the_model_returns_them(end, tmp_path):
    model = Model(ENDS[end])
    net = ltc2neuro.compile(model, X)
    for x in (X, X[:1]):
        near(net(x), torchs(model, x))
    net.save(tmp_path / "m.l2n")
    loaded = ltc2neuro.load(tmp_path / "m.l2n")
    assert loaded.answers == net.answers and str(loaded) == str(net)
    near(loaded(X), torchs(model, X))
    for row, sequence in zip(net(list(X)), X, strict=True):
        rows = {n: y[0] if y.ndim else y for n, y in torchs(model, sequence[None]).items()}
        near(row, rows)
    shaped, whole = listed(net.shaped(net.run(X).outputs)), listed(net(X))
    assert all(np.array_equal(shaped[name], whole[name]) for name in whole)


def test_a_stream_answers_with_all():
    model = Model(ENDS["one squeezed"])
    net = ltc2neuro.compile(model, X)
    stream = net.stream(batch=len(X))
    steps = [stream.step(X[:, k]) for k in range(X.shape[1])]
    assert np.array_equal(np.stack([s["pose"] for s in steps], 1), net(X)["pose"])
    assert np.array_equal(steps[-1]["gate"], net(X)["gate"])
    assert set(net.stream().step(X[0, 0])) == {"pose", "gate"}


def test_the_order_of_axes_holds_for_each():
    model = Model(lambda pose, gate, h: {"pose": pose, "gate": gate[-1]}, batch_first=False)
    x = X.swapaxes(0, 1)
    near(ltc2neuro.compile(model, x, batch_first=False)(x), torchs(model, x))
    turned = ltc2neuro.compile(model, X, batch_first=True)(X)
    assert turned["pose"].shape == (len(X), X.shape[1], 2)


def test_verify_has_rows_of_each(tmp_path):
    model = Model(ENDS["one at the last step"])
    net = ltc2neuro.compile(model, X)
    targets = torchs(model, X)
    found = ltc2neuro.verify(net, model, X[:2], (None, targets[1][:2]), "mse", min_sqnr=20.0)
    assert found.passed
    levels = {row.name: row for row in found.rows if row.limit == 20.0}
    assert list(levels) == ["outputs.y0", "outputs.y1", "layer.h"]
    assert {row.name for row in found.rows if row.check == "task metric"} == {
        "mse of y1, float", "mse of y1, integer", "change of mse of y1",
    }  # fmt: skip
    other = Model(ENDS["a tuple"])
    with pytest.raises(InputError, match="does not answer as the one that was compiled"):
        ltc2neuro.verify(net, other, X, on=())
    torch.nn.init.zeros_(model.gate.weight)
    assert not ltc2neuro.verify(net, model, X, on=()).passed


@pytest.mark.parametrize("targets", [(X,), {"pose": X, "speed": X}, X], ids=["too few", "another name", "one array"])
def test_targets_are_of_answers(targets):
    net = ltc2neuro.compile(Model(ENDS["a dict"]), X)
    with pytest.raises(InputError, match="the network answers pose, gate"):
        ltc2neuro.verify(net, None, X, targets, "mse", on=())


def test_the_proof_compares_each_and_names_it():
    proof = str(ltc2neuro.compile(Model(ENDS["a dict"]), X).evidence)
    assert "the output 'pose'" in proof and "the output 'gate'" in proof

    with pytest.raises(ProofError, match="the output 'gate' differs first"):
        trace(Model(lambda pose, gate, h: {"pose": pose, "gate": gate * len(gate)}), list(X))


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (lambda pose, gate, h: {"pose": pose, "gate": 1.0}, "result 'gate' was not recorded"),
        (lambda pose, gate, h: {"pose": pose, "h": h}, "result 'h' is neither one answer per step nor"),
        (lambda pose, gate, h: {}, "a dict without answers"),
        (lambda pose, gate, h: {0: pose}, "keys that are not names"),
        (lambda pose, gate, h: (pose, gate.transpose(0, 1)), "some of the model's answers have batch first"),
    ],
)
def test_what_is_no_answer_is_refused_by_its_name(end, text):
    with pytest.raises(TraceError, match=text):
        trace(Model(end), list(X))


def test_a_file_whose_answers_do_not_fit_is_refused(tmp_path):
    net = ltc2neuro.compile(Model(ENDS["a dict"]), X)
    assert net.several is not None
    twice = replace(net.several, each=(net.several.each[0],) * 2)
    replace(net, several=twice).save(tmp_path / "m.l2n")
    with pytest.raises(ArtifactError, match="answers"):
        ltc2neuro.load(tmp_path / "m.l2n")


def test_library_processes_answer_with_all():
    model = Model(ENDS["one at the last step"])
    net = ltc2neuro.compile(model, X, microcode=False)
    assert [y.shape for y in net(X)] == [y.shape for y in torchs(model, X).values()]


def test_onnx_has_an_output_of_each(tmp_path):
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    from onnxruntime import InferenceSession

    model = Model(lambda pose, gate, h: {"pose": pose, "x": gate[:, -1].squeeze(-1)})
    net = ltc2neuro.compile(model, X)
    x, path = X.astype(np.float64), tmp_path / "m.onnx"
    net.to_onnx(path)
    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {"x": x})[:2]  # an input has its name first
    assert [out.name for out in session.get_outputs()][:2] == ["pose", "x'"]
    assert all(np.array_equal(y, own) for y, own in zip(found, net(x).values(), strict=True))
    net.to_onnx(path, "step")
    state = np.zeros((len(x), 5), np.int64)
    found = InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x[:, 0], "layer.h": state})
    expected = net.stream(batch=len(x)).step(x[:, 0])
    assert all(np.array_equal(y, own) for y, own in zip(found, expected.values(), strict=False))


def test_the_shell_writes_each_by_its_name(tmp_path, capsys):
    from ltc2neuro.cli.main import main

    net = ltc2neuro.compile(Model(ENDS["one at the last step"]), X)
    net.save(tmp_path / "m.l2n")
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", X[0], X[1, :4])
    run = net.run(X)

    def shell(samples: str, output: str) -> int:
        return main(["run", str(tmp_path / "m.l2n"), str(tmp_path / samples), "-o", str(tmp_path / output)])

    assert shell("x.npy", "y.npy") == 2 and "are written to a .npz file" in capsys.readouterr().err
    assert shell("x.npy", "y.npz") == 0
    with np.load(tmp_path / "y.npz") as found:
        assert list(found) == ["y0", "y1"]
        assert np.array_equal(np.concatenate([found["y0"], found["y1"]], -1), run.outputs)
    assert shell("x.npz", "y.npz") == 0
    with np.load(tmp_path / "y.npz") as found:
        assert list(found) == ["y0.0", "y1.0", "y0.1", "y1.1"]
        assert np.array_equal(found["y0.1"], run.outputs[1, :4, :2])


def test_the_shell_verifies_them_by_their_names(tmp_path, capsys):
    from ltc2neuro.cli.main import main

    model = Model(ENDS["a dict"])
    ltc2neuro.compile(model, X).save(tmp_path / "m.l2n")
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "y.npz", **{str(name): y for name, y in torchs(model, X).items()})
    command = ["verify", str(tmp_path / "m.l2n"), str(tmp_path / "x.npy"), "--on", "reference"]
    assert main([*command, "--targets", str(tmp_path / "y.npz"), "--metric", "mse"]) == 0
    said = capsys.readouterr().out
    assert "mse of pose, integer" in said and "mse of gate, integer" in said and "outputs.gate" in said
