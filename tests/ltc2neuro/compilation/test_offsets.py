"""Raw inputs: what a channel rests on costs nothing, whatever reads it; and functions that it drives far out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from torch import nn

import ltc2neuro
from ltc2neuro.nn import GRUD

PRICE, UNIX_TIME = 6e4, 1.7e9
SPREAD = np.array([300.0, 1.0, 1.0, 1e5])


def walk(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (4, 40, 4))


class Answer(nn.Module):
    """The first of what a layer returns, at each step."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        return y[0] if isinstance(y, tuple) else y


class Convolved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 3, 2, padding=1)
        self.last = nn.Linear(15, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, time, channels = x.shape
        seen = torch.relu(self.first(x.reshape(batch * time, 1, channels)))
        return self.last(seen.reshape(batch, time, 15))


class TwoReaders(nn.Module):
    """A map, a comparison and a limit read the same input."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 3)
        self.out = nn.Linear(8, 2)
        self.middle = nn.Parameter(torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        moved = x - self.middle
        above = torch.where(moved > 0.1, moved, -0.5 * moved)
        return self.out(torch.cat([self.map(moved), above, torch.clamp(moved, max=0.3)[..., :1]], -1))


def raw(model: nn.Module, middle: np.ndarray) -> Callable[[torch.Tensor], torch.Tensor]:
    """The same function of x * SPREAD + middle, its own first constants changed, as one would train it."""
    m, s = torch.tensor(middle), torch.tensor(SPREAD)
    with torch.no_grad():
        layer = getattr(model, "layer", model)
        if isinstance(layer, LTC):
            cell = layer.rnn_cell
            cell.input_w.div_(s)
            cell.input_b.sub_(cell.input_w * m)
        elif isinstance(layer, TwoReaders):
            layer.middle.copy_(m)
            layer.map.weight.div_(s)
        else:
            first = layer.weight_ih_l0, layer.bias_ih_l0
            first[0].div_(s)
            first[1].sub_(first[0] @ m)
    return model


def decibels(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Of what varies, for each channel."""
    y, z = y.reshape(-1, y.shape[-1]), z.reshape(-1, z.shape[-1])
    return 10 * np.log10(((y - y.mean(0)) ** 2).sum(0) / ((y - z) ** 2).sum(0))


def of(model: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model(torch.tensor(x)).numpy()


def quality(model: nn.Module, calibration: np.ndarray, x: np.ndarray) -> np.ndarray:
    return decibels(of(model, x), np.asarray(ltc2neuro.compile(model, calibration)(x)))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.LSTM(4, 6, batch_first=True),
        lambda: nn.GRU(4, 6, batch_first=True),
        lambda: LTC(4, AutoNCP(8, 2, seed=1)),
    ],
    ids=["LSTM", "GRU", "LTC"],
)
def test_a_raw_channel_is_as_good_as_one_normalised_by_hand(layer: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model = Answer(layer()).double()
    middle = np.array([UNIX_TIME, 0.0, 0.0, -PRICE])
    by_hand = quality(model, walk(1), walk(2))
    raw(model, middle)
    assert np.all(quality(model, walk(1) * SPREAD + middle, walk(2) * SPREAD + middle) > by_hand - 1)


@pytest.mark.parametrize(
    ("offset", "model"),
    [
        (PRICE, lambda: nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))),
        (UNIX_TIME, lambda: nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))),
        (UNIX_TIME, lambda: nn.Sequential(nn.Linear(4, 16), nn.GELU(), nn.Linear(16, 2))),
        (UNIX_TIME, lambda: nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(), nn.Linear(16, 2))),
        (UNIX_TIME, Convolved),
    ],
    ids=["price", "relu", "gelu", "leaky relu", "convolution"],
)
def test_what_is_large_for_the_offset_goes_through_layers(offset: float, model: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    made = model().double()
    scale, middle = np.array([300.0, 1.0, 1.0, 1.0]), np.array([offset, 0, 0, 0])
    assert np.all(quality(made, walk(1) * scale + middle, walk(2) * scale + middle) > 40)


def test_maps_comparisons_and_limits_of_one_input() -> None:
    torch.manual_seed(0)
    model = TwoReaders().double()
    scale, middle = np.array([300.0, 1.0, 1.0, 1.0]), np.array([UNIX_TIME, 0, 0, 0])
    with torch.no_grad():
        model.middle.copy_(torch.tensor(middle))
    assert np.all(quality(model, walk(1) * scale + middle, walk(2) * scale + middle) > 40)


@pytest.mark.parametrize(
    "near", [lambda x: x - UNIX_TIME, lambda x: x[..., :1] + x[..., 1:] - 2 * UNIX_TIME], ids=["constant", "sum"]
)
def test_what_takes_an_offset_up_is_not_spoilt_by_what_needs_it(near: Callable[[torch.Tensor], torch.Tensor]) -> None:
    class Beside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.tanh(near(x)) * torch.tanh(self.gain * x[..., :1])

    x, new = (walk(seed)[..., :2] + UNIX_TIME for seed in (1, 2))
    assert np.all(quality(Beside().double(), x, new) > 40)


def test_the_host_centres_and_the_artifact_remembers(tmp_path) -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2).double()
    x = walk(1) * SPREAD + UNIX_TIME
    x[0, :2, :] = UNIX_TIME + np.array([[-1], [1]]) * 2 * SPREAD
    net = ltc2neuro.compile(model, x)
    assert np.allclose(net.enters.host(np.full(4, UNIX_TIME)), 0, atol=1e-6)
    y = of(model, x)
    assert np.allclose(net.dequantize(net.run(x).integers), net(x), rtol=0, atol=1e-6)
    net.save(tmp_path / "m.l2n")
    assert np.array_equal(ltc2neuro.load(tmp_path / "m.l2n")(x), net(x))
    assert ltc2neuro.verify(net, model, x, on=["reference"])
    assert np.all(decibels(y, net(x)) > 45)


def test_spikes_and_time_spans_keep_their_zero() -> None:
    torch.manual_seed(0)
    spikes = (np.random.default_rng(0).random((4, 60, 3)) < 0.1).astype(np.float64)
    net = ltc2neuro.compile(nn.Linear(3, 2).double(), spikes)
    assert not net.enters.host(np.zeros(3)).any()
    timed = ltc2neuro.compile(GRUD(3, 4, batch_first=True), walk(1)[..., :3], timespans=walk(1)[..., 3] + 5)
    assert timed.enters.host(np.zeros(4))[-1] == 0


@pytest.mark.parametrize(
    ("size", "function"),
    [
        (1e4, torch.tanh),
        (1e6, torch.sigmoid),
        (1e9, torch.tanh),
        (1e9, lambda x: torch.exp(-torch.relu(x))),
        (1e9, nn.functional.hardsigmoid),
    ],
    ids=["4", "6", "9", "exp", "hardsigmoid"],
)
def test_a_function_driven_far_out_keeps_its_neighbour(size: float, function) -> None:
    class Bare(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return function(x)

    scale = np.array([size, 1.0, 1.0, 1.0])
    x, new = walk(1) * scale, walk(2) * scale
    net = ltc2neuro.compile(Bare(), x)
    wrong = np.abs(net(new) - of(Bare(), new))
    assert np.all(wrong[..., 1:] < 1e-3) and np.median(wrong[..., 0]) < 1e-3


def test_gates_that_a_raw_timestamp_drives_compile() -> None:
    torch.manual_seed(0)
    time = np.stack([UNIX_TIME + 60 * np.arange(30.0)] * 4)[..., None]
    x = np.concatenate([time, walk(1)[:, :30, 1:2]], -1)
    model = Answer(nn.LSTM(2, 12, batch_first=True)).double()
    assert np.abs(ltc2neuro.compile(model, x)(x) - of(model, x)).max() < 1e-3


@pytest.mark.parametrize("middle", [PRICE, UNIX_TIME])
@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU])
def test_offsets_without_microcode(make: type[nn.RNNBase], middle: float) -> None:
    """A price left -6 dB, and a unix time failed the proof of widths; the host takes the middle away."""
    torch.manual_seed(0)
    by_hand = Answer(make(2, 4, batch_first=True)).double()
    raw = Answer(make(2, 4, batch_first=True)).double()
    raw.load_state_dict(by_hand.state_dict())
    spread, x = np.array([300.0, 1.0]), walk(2)[..., :2]
    layer = raw.layer
    assert isinstance(layer, nn.RNNBase)
    with torch.no_grad():
        layer.weight_ih_l0[:, 0] /= 300
        layer.bias_ih_l0 -= layer.weight_ih_l0[:, 0] * middle
    shifted = x * spread + np.array([middle, 0.0])
    levels = []
    for model, data in ((by_hand, x), (raw, shifted)):
        wanted = model(torch.tensor(data)).detach().numpy()
        wrong = ltc2neuro.compile(model, data, microcode=False)(data) - wanted
        levels.append(10 * np.log10((wanted.var(axis=(0, 1)) / np.mean(wrong**2, axis=(0, 1))).min()))
    assert levels[1] > levels[0] - 3.0
