"""Models that take several inputs: as a tuple or dict wherever one input goes in, joined for the chip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import CfC
from networks import sequences

import ltc2neuro
from ltc2neuro.errors import ArtifactError, InputError, ProofError, TraceError

X, U = sequences(time=10), 5 * sequences(time=10, features=2, seed=1)
SPANS = np.random.default_rng(2).uniform(0.5, 1.5, X.shape[:2]).astype(np.float32)


class Model(torch.nn.Module):
    """Two inputs, which a layer reads together and the readout apart."""

    def __init__(self, batch_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer, self.head = torch.nn.GRU(5, 4, batch_first=batch_first), torch.nn.Linear(5, 2)

    def forward(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        y, _ = self.layer(torch.cat([x, u], -1))
        return self.head(torch.cat([y, u[..., :1] / 5], -1))


def torchs(model: torch.nn.Module, *x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        found = model(*map(torch.from_numpy, x))
    return (found[0] if isinstance(found, tuple) else found).numpy()


def near(found: object, expected: np.ndarray) -> bool:
    got = np.asarray(found)
    return got.shape == expected.shape and np.abs(got - expected).max() < 0.01 * np.abs(expected).max()


@pytest.fixture(scope="module")
def net() -> ltc2neuro.Network:
    return ltc2neuro.compile(Model(), (X, U))


def test_a_tuple_a_dict_and_lists_are_the_same(net, tmp_path):
    expected = torchs(Model(), X, U)
    for given in ((X, U), {"u": U, "x": X}, (list(X), list(U)), (torch.from_numpy(X), U)):
        assert near(net(given), expected)
    by_name = ltc2neuro.compile(Model(), {"u": U, "x": X})
    assert near(by_name((X, U)), expected)
    assert str(net.inputs) == "x (3,), u (2,)" and str(by_name.inputs) == "u (2,), x (3,)"
    net.save(tmp_path / "m.l2n")
    loaded = ltc2neuro.load(tmp_path / "m.l2n")
    assert loaded.inputs == net.inputs and np.array_equal(loaded((X, U)), net((X, U)))
    assert np.array_equal(net.quantize((X, U)), net.quantize(np.concatenate([X, U], -1)))


def test_streams_and_verify_take_them(net):
    stream = net.stream(batch=len(X))
    steps = [stream.step((X[:, t], U[:, t])) for t in range(X.shape[1])]
    assert np.array_equal(np.stack(steps, 1), net((X, U)))
    assert np.array_equal(net.stream().step({"x": X[0, 0], "u": U[0, 0]}), steps[0][0])
    found = ltc2neuro.verify(net, Model(), (X, U), torchs(Model(), X, U), "mse", on=())
    assert found.passed and ltc2neuro.verify(net, Model(), on=()).passed
    other = Model()
    torch.nn.init.zeros_(other.head.weight)
    assert not ltc2neuro.verify(net, other, {"x": X, "u": U}, on=()).passed


def test_sequences_of_different_lengths(net):
    xs, us = [X[0], X[1, :4]], [U[0], U[1, :4]]
    ragged = ltc2neuro.compile(Model(), (xs, us))
    for x, u, y in zip(xs, us, ragged((xs, us)), strict=True):
        assert near(y, torchs(Model(), x[None], u[None])[0])


def test_images_beside_numbers():
    class Sees(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(4)
            self.layer = torch.nn.GRU(9, 3, batch_first=True)

        def forward(self, image: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
            return self.layer(torch.cat([image[..., 0, :, :].flatten(2), u[..., None, :1].flatten(2)], -1))[0]

    images = sequences(3, 6, 16).reshape(3, 6, 2, 2, 4)
    u = sequences(3, 6, 2)
    net = ltc2neuro.compile(Sees(), (images, u))
    assert near(net({"image": images, "u": u}), torchs(Sees(), images, u))
    with pytest.warns(UserWarning, match=r"input channel image\[1, 0, 1\]: .*input channel u\[0\]"):
        net((images * 9, u * 9))


def test_time_first():
    model, x, u = Model(batch_first=False), X.swapaxes(0, 1).copy(), U.swapaxes(0, 1).copy()
    expected = torchs(model, x, u)
    assert near(ltc2neuro.compile(model, (x, u), batch_first=False)((x, u)), expected)
    turned = ltc2neuro.compile(model, (X, U), batch_first=True)((X, U))
    assert near(turned, expected.swapaxes(0, 1))


def test_time_spans_may_stand_among_the_inputs():
    torch.manual_seed(5)
    layer = CfC(3, 4, batch_first=True)
    alone = ltc2neuro.compile(layer, X, timespans=SPANS)
    among = ltc2neuro.compile(layer, {"input": X, "timespans": SPANS})
    y = alone(X, SPANS)
    for given in ((X, SPANS), {"input": X, "timespans": SPANS}, {"anything": X, "timespans": SPANS}):
        assert np.array_equal(alone(given), y) and np.array_equal(among(given), y)
    assert among.inputs is None
    with pytest.raises(InputError, match="timespans are given twice"):
        alone((X, SPANS), SPANS)

    class Timed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor, timespans: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
            return self.layer(x + u[..., :1] / 20, timespans=timespans)[0]

    several = ltc2neuro.compile(Timed(), (X, SPANS, U))
    with torch.no_grad():
        rows = [Timed()(*(torch.from_numpy(a[n : n + 1]) for a in (X, SPANS, U)))[0].numpy() for n in range(len(X))]
    for y in (several((X, SPANS, U)), several((X, SPANS, U)), several({"x": X, "u": U}, SPANS)):
        assert near(y, np.stack(rows))
    assert ltc2neuro.verify(several, Timed(), (X, SPANS, U), on=()).passed
    step = several.stream(batch=len(X)).step((X[:, 0], U[:, 0]), SPANS[:, 0])
    assert np.array_equal(step, several((X, SPANS, U))[:, 0])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (X, "the input 'u' is missing\n  numbers: the inputs are x, u"),
        ((X, U, U), "3 inputs are too many"),
        ({"x": X, "v": U}, "there is no input 'v'"),
        ({"x": X}, "the input 'u' is missing"),
        ((X, U[:2]), "u does not fit x\n  numbers: u has 2 sequences"),
        ((X, U[:, :4]), "u does not fit x\n  numbers: u has 4 sequences in an array of 4 steps"),
        ((list(X), U), "u does not fit x"),
        ((X, U[:, :, :1]), "u has the wrong shape"),
        ((X, np.where(U > 0, np.nan, U)), "u holds values that are not finite"),
    ],
    ids=[
        "one",
        "three",
        "another name",
        "too few",
        "rows",
        "steps",
        "a list beside an array",
        "channels",
        "not finite",
    ],
)
def test_errors_name_the_input(net, given, text):
    for call in (net, lambda x: ltc2neuro.verify(net, None, x, on=())):
        with pytest.raises(InputError, match=text):
            call(given)
    if "wrong shape" not in text:
        with pytest.raises(InputError, match=text):
            ltc2neuro.compile(Model(), given)


def test_check_takes_them():
    assert all(finding.rule for finding in ltc2neuro.check(Model(), "loihi2", {"x": X, "u": U}))
    with pytest.raises(InputError, match="the input 'u' is missing"):
        ltc2neuro.check(Model(), "loihi2", X)


def test_a_model_that_fails_says_with_what():
    with pytest.raises(TraceError, match=r"inputs x \(3,\), u \(1,\), as tensors \(2, 3, 3\), \(2, 3, 1\)"):
        ltc2neuro.compile(Model(), (X, U[:, :, :1]))


def test_a_network_of_one_input_refuses_several():
    torch.manual_seed(0)
    one = ltc2neuro.compile(torch.nn.GRU(3, 2, batch_first=True), X)
    assert np.array_equal(one({"x": X}), one(X))
    with pytest.raises(InputError, match="there is no input 'u'"):
        one({"x": X, "u": U})


def test_the_proof_reaches_each_input():
    class Ignores(Model):
        def forward(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
            y = super().forward(x, u)
            return y * len(u) if float(u.detach().abs().max()) > 1000 else y

    with pytest.raises((ProofError, TraceError)):
        ltc2neuro.compile(Ignores(), (X, U))


def test_poor_calibrations_name_the_input():
    with pytest.warns(UserWarning, match=r"input channel u\[1\] \(always 2\)"):
        ltc2neuro.compile(Model(), (X, U * [1, 0] + [0, 2]))


def test_a_file_whose_inputs_do_not_fit_is_refused(net, tmp_path):
    assert net.inputs is not None
    replace(net, inputs=replace(net.inputs, each=net.inputs.each[:1])).save(tmp_path / "m.l2n")
    with pytest.raises(ArtifactError, match="its inputs"):
        ltc2neuro.load(tmp_path / "m.l2n")


def test_library_processes_take_several():
    net = ltc2neuro.compile(Model(), (X, U), microcode=False)
    assert net((X, U)).shape == torchs(Model(), X, U).shape


def test_onnx_has_an_input_of_each(net, tmp_path):
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    from onnxruntime import InferenceSession

    path, given = tmp_path / "m.onnx", {"x": X.astype(np.float64), "u": U.astype(np.float64)}
    net.to_onnx(path)
    session = InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["x", "u"]
    assert np.array_equal(session.run(["y"], given)[0], net((X, U)))


def test_the_shell_takes_them_by_their_names(net, tmp_path):
    from ltc2neuro.cli.main import main

    (tmp_path / "model.py").write_text(
        "import torch\n\n\nclass Model(torch.nn.Module):\n"
        "    def forward(self, x, u):\n        return torch.tanh(x) + u[..., :1]\n"
    )
    np.savez(tmp_path / "x.npz", u=U, x=X)
    path = str(tmp_path / "m.l2n")
    command = ["compile", f"{tmp_path / 'model.py'}:Model", "--calibration", str(tmp_path / "x.npz"), "-o", path]
    assert main(command) == 0
    assert main(["run", path, str(tmp_path / "x.npz"), "-o", str(tmp_path / "y.npy")]) == 0
    loaded = ltc2neuro.load(path)
    assert np.array_equal(np.load(tmp_path / "y.npy"), loaded((X, U)))
    assert main(["verify", path, str(tmp_path / "x.npz"), "--min-sqnr", "20", "--on", "floating"]) == 0
