"""Samples of any shape: the model and its user see images, the chip gets them flat, and no integer knows of it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import CfC
from networks import sequences, tracked
from torch import nn

import ltc2neuro
from ltc2neuro.cli.main import main
from ltc2neuro.compiled.network import BaseNetwork
from ltc2neuro.errors import ArtifactError, InputError
from ltc2neuro.nn import Recurrent

SHAPE = (2, 3, 4)
FRAMES = np.random.default_rng(0).uniform(-1, 1, size=(3, 5, *SHAPE)).astype(np.float32)


class Watcher(nn.Module):
    """A convolution of every frame, then a recurrent layer."""

    def __init__(self, batch_first: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.see = nn.Conv2d(2, 2, 2)
        self.rnn = nn.GRU(12, 4, batch_first=batch_first)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        frames = x.flatten(0, 1)
        return self.rnn(self.see(frames).flatten(1).unflatten(0, x.shape[:2]))[0]


class Timed(nn.Module):
    """Pixels are features of a CfC that is told how much time has passed."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn = CfC(24, 4)

    def forward(self, x: torch.Tensor, timespans: torch.Tensor | None = None) -> torch.Tensor:
        return self.rnn(x.flatten(2), timespans=timespans)[0]


class Fading(nn.Module):
    """A cell whose state is an image."""

    state_size = 24

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.tanh(0.5 * h + self.kernel(x).flatten(1))


@cache
def watched() -> ltc2neuro.Network:
    return ltc2neuro.compile(Watcher(), FRAMES)


def torchs(model: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.eval()(torch.from_numpy(x)).numpy()


def test_the_integers_are_those_of_flat_samples():
    flat = ltc2neuro.compile(nn.Sequential(nn.Unflatten(-1, SHAPE), Watcher()), FRAMES.reshape(3, 5, -1))
    run = watched().run(FRAMES)
    assert np.array_equal(run.integers, flat.run(FRAMES.reshape(3, 5, -1)).integers)
    assert np.abs(watched()(FRAMES) - torchs(Watcher(), FRAMES)).max() < 0.01
    assert "(2, 3, 4) -> (4,) at every step; arrays (batch, time, 2, 3, 4)" in str(watched())


def test_lists_streams_and_the_hosts_map():
    net, y = watched(), watched()(FRAMES)
    assert all(np.array_equal(a, b) for a, b in zip(net([*FRAMES]), y, strict=True))
    one, many = net.stream(), net.stream(len(FRAMES))
    assert np.array_equal([one.step(frame) for frame in FRAMES[0]], y[0])
    assert np.array_equal(np.stack([many.step(frames) for frames in FRAMES.swapaxes(0, 1)], 1), y)
    assert net.quantize(FRAMES).shape == (3, 5, 24)
    assert np.array_equal(net.quantize(FRAMES)[1], net.quantize(FRAMES[1]))


@pytest.mark.parametrize("give", [FRAMES.reshape(3, 5, 24), FRAMES[0], FRAMES[..., :3], [FRAMES[0, 0]]])
def test_other_shapes_are_refused(give):
    with pytest.raises(InputError, match=r"expected \(batch, time, 2, 3, 4\)"):
        watched()(give)
    with pytest.raises(InputError, match=r"expected \(2, 3, 4\)"):
        watched().stream().step(FRAMES[0].reshape(5, 24))
    with pytest.raises(InputError, match=r"3 sequences side by side go to net.stream\(3\)"):
        watched().stream().step(FRAMES[:, 0])
    with pytest.raises(InputError, match=r"expected \(\.\.\., 2, 3, 4\)"):
        watched().quantize(FRAMES.reshape(3, 5, 24))


def test_verify_and_compare():
    net = watched()
    assert ltc2neuro.verify(net, Watcher(), FRAMES, on=["simulator"]).passed
    model = nn.Sequential(nn.Flatten(2), nn.RNN(24, 3, batch_first=True))
    both = [ltc2neuro.compile(model, FRAMES, microcode=kind) for kind in (True, False)]
    assert "SQNR" in str(ltc2neuro.compare(*both, FRAMES))
    with pytest.raises(InputError, match="same model"):
        ltc2neuro.compare(replace(both[0], own_shape=(24, 1)), both[1], FRAMES)
    assert ltc2neuro.check(model, "loihi2", FRAMES) == []


def test_time_first():
    net = ltc2neuro.compile(Watcher(batch_first=False), FRAMES.swapaxes(0, 1), batch_first=False)
    assert np.array_equal(net(FRAMES.swapaxes(0, 1)).swapaxes(0, 1), watched()(FRAMES))


def test_time_spans():
    spans = np.random.default_rng(1).uniform(0.2, 1.0, (3, 5))
    net = ltc2neuro.compile(Timed(), FRAMES, timespans=spans)
    flat = ltc2neuro.compile(Timed().rnn, FRAMES.reshape(3, 5, -1), timespans=spans)
    assert np.array_equal(net(FRAMES, spans), flat(FRAMES.reshape(3, 5, -1), spans))
    assert ltc2neuro.verify(net, Timed(), FRAMES, timespans=spans, on=[]).passed


def test_states_of_the_models_own_shape():
    net = ltc2neuro.compile(Recurrent(Fading()), FRAMES)
    (name,) = net.run(FRAMES).final_state
    image = np.random.default_rng(2).uniform(-0.9, 0.9, (3, *SHAPE))
    given, flat = (net.run(FRAMES, state={name: h}) for h in (image, image.reshape(3, 24)))
    assert np.array_equal(given.integers, flat.integers)
    assert not np.array_equal(given.integers, net.run(FRAMES).integers)


def header(net: BaseNetwork, path) -> dict:
    net.save(path)
    with zipfile.ZipFile(path) as file:
        return json.loads(file.read("manifest.json"))["header"]


def test_files_remember_the_shape(tmp_path):
    assert header(watched(), tmp_path / "m.l2n")["own_shape"] == [2, 3, 4]
    loaded = ltc2neuro.load(tmp_path / "m.l2n")
    assert loaded.sample_shape == SHAPE and np.array_equal(loaded(FRAMES), watched()(FRAMES))
    assert "own_shape" not in header(tracked(), tmp_path / "flat.l2n")
    assert ltc2neuro.load(tmp_path / "flat.l2n").sample_shape == (3,)
    for shape in ((5, 5), (-24, -1), ()):
        header(replace(watched(), own_shape=shape), tmp_path / "other.l2n")
        with pytest.raises(ArtifactError, match="have the shape"):
            ltc2neuro.load(tmp_path / "other.l2n")


def test_warnings_name_a_place_in_the_image():
    still = FRAMES.copy()
    still[:, :, 1, 2, 3] = 0.5
    with pytest.warns(UserWarning, match=r"input channel x\[1, 2, 3\] \(always 0.5\) of 24 never varies"):
        ltc2neuro.compile(Watcher(), still)
    with pytest.warns(UserWarning, match=r"input channel x\[1, 0, 2\]: .* of the values, seen"):
        watched()(FRAMES * np.where(np.arange(24) == 14, 50, 1).reshape(SHAPE))


def test_the_shell(tmp_path, capsys):
    watched().save(tmp_path / "m.l2n")
    for name, give in (("x.npy", FRAMES), ("many.npy", np.tile(FRAMES, (40, 1, 1, 1, 1)))):
        np.save(tmp_path / name, give)
        assert main(["run", str(tmp_path / "m.l2n"), str(tmp_path / name), "-o", str(tmp_path / "y.npy")]) == 0
        assert np.array_equal(np.load(tmp_path / "y.npy"), watched()(give))
    np.savez(tmp_path / "x.npz", FRAMES[0], FRAMES[1, :2])
    assert main(["verify", str(tmp_path / "m.l2n"), str(tmp_path / "x.npz"), "--on", "simulator"]) == 0
    capsys.readouterr()


def test_a_calibration_of_several_shapes_is_refused():
    with pytest.raises(InputError, match="differ in their features"):
        ltc2neuro.compile(Watcher(), [FRAMES[0], FRAMES[0].reshape(5, 4, 3, 2)])
    with pytest.raises(InputError, match="2 dimensions"):
        ltc2neuro.compile(Watcher(), sequences()[0])


@pytest.mark.parametrize("form", ["sequence", "step"])
@pytest.mark.parametrize("graph", ["integer", "float"])
def test_onnx_takes_images(tmp_path, form, graph):
    pytest.importorskip("onnx", reason="needs the extra onnx")
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    watched().to_onnx(tmp_path / "m.onnx", form, graph=graph)
    session = runtime.InferenceSession(tmp_path / "m.onnx")
    assert session.get_inputs()[0].shape[-3:] == [2, 3, 4]
    own = np.float64 if graph == "integer" else np.float32
    given = {"x": (FRAMES if form == "sequence" else FRAMES[:, 0]).astype(own)}
    for entry in session.get_inputs()[1:]:
        given[entry.name] = np.zeros((3, entry.shape[-1]), np.int64 if graph == "integer" else np.float32)
    y = session.run(["y"], given)[0]
    expected = watched()(FRAMES) if graph == "integer" else torchs(Watcher(), FRAMES)
    expected = expected if form == "sequence" else expected[:, 0]
    assert np.array_equal(y, expected) if graph == "integer" else np.abs(y - expected).max() < 1e-5
