"""Kin of liquid networks: state spaces, minimal gates, a reservoir and xLSTM read digits row by row.

    python examples/kindred_cells.py

Seven cells as their papers have them, in a few lines of torch each, that no part of the compiler knows. Complex numbers
are written as real and imaginary parts: a network computes with real numbers. Only the linear readout is fitted, by
least squares, to the mean of the answers over time, which the host takes.
"""

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import ltc2neuro
from ltc2neuro.nn import Recurrent

UNITS, TRAIN = 32, 1200


class S4D(nn.Module):
    """A diagonal state space of N complex states for each input channel, held between samples (zero-order hold).

    Of a `liquid` one the input also weighs the state: h' = (A + B u) h + B u, as in Liquid-S4.
    """

    def __init__(self, channels: int, states: int = 3, *, liquid: bool = False) -> None:
        super().__init__()
        self.states, self.liquid, self.state_size = states, liquid, (channels * states, channels * states)
        a = torch.complex(torch.tensor(-0.5), math.pi * torch.arange(states))
        dt = torch.logspace(-1.5, -0.3, channels)[:, None]
        decay = torch.exp(a * dt)
        drive = (decay - 1) / a
        for name, value in (("a_re", decay.real), ("a_im", decay.imag), ("b_re", drive.real), ("b_im", drive.imag)):
            self.register_buffer(name, value.flatten())
        self.c_re, self.c_im = (nn.Parameter(torch.randn(channels * states)) for _ in range(2))
        self.mix = nn.Linear(channels, UNITS)

    def forward(self, u, state):
        re, im = state
        u = u.repeat_interleave(self.states, -1)
        a_re, a_im = (self.a_re + self.b_re * u, self.a_im + self.b_im * u) if self.liquid else (self.a_re, self.a_im)
        re, im = a_re * re - a_im * im + self.b_re * u, a_re * im + a_im * re + self.b_im * u
        y = 2 * (self.c_re * re - self.c_im * im).unflatten(-1, (-1, self.states)).sum(-1)
        return torch.tanh(self.mix(y)), (re, im)


class LRU(nn.Module):
    """A linear recurrent unit: eigenvalues within the unit circle, inputs scaled so that states stay alike."""

    def __init__(self, inputs: int, states: int = 12) -> None:
        super().__init__()
        self.state_size = (states, states)
        size, angle = torch.linspace(0.5, 0.95, states), torch.linspace(0.1, 2.0, states)
        self.a_re, self.a_im = nn.Parameter(size * torch.cos(angle)), nn.Parameter(size * torch.sin(angle))
        self.b_re, self.b_im = nn.Linear(inputs, states, bias=False), nn.Linear(inputs, states, bias=False)
        self.gamma = nn.Parameter(torch.sqrt(1 - size**2))
        self.c_re, self.c_im = nn.Linear(states, UNITS), nn.Linear(states, UNITS, bias=False)

    def forward(self, x, state):
        re, im = state
        re, im = (
            self.a_re * re - self.a_im * im + self.gamma * self.b_re(x),
            self.a_re * im + self.a_im * re + self.gamma * self.b_im(x),
        )
        return torch.tanh(self.c_re(re) - self.c_im(im)), (re, im)


class MinGRU(nn.Module):
    """Its gate and its candidate see the sample alone."""

    state_size = UNITS

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.gate, self.candidate = nn.Linear(inputs, UNITS), nn.Linear(inputs, UNITS)

    def forward(self, x, h):
        z = torch.sigmoid(self.gate(x))
        return (1 - z) * h + z * self.candidate(x)


class MinLSTM(nn.Module):
    """Its gates add up to 1."""

    state_size = UNITS

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.gates, self.candidate = nn.Linear(inputs, 2 * UNITS), nn.Linear(inputs, UNITS)

    def forward(self, x, h):
        f, i = torch.sigmoid(self.gates(x)).chunk(2, -1)
        return (f * h + i * self.candidate(x)) / (f + i)


class Reservoir(nn.Module):
    """An echo state network: sparse weights that are fixed, and a leak."""

    state_size = 2 * UNITS

    def __init__(self, inputs: int, density: float = 0.1, radius: float = 0.9, leak: float = 0.4) -> None:
        super().__init__()
        size = self.state_size
        recurrent = torch.randn(size, size) * (torch.rand(size, size) < density)
        recurrent *= radius / torch.linalg.eigvals(recurrent).abs().max()
        self.register_buffer("recurrent", recurrent)
        self.register_buffer("inputs", torch.randn(size, inputs) * (torch.rand(size, inputs) < 0.3))
        self.leak = leak

    def forward(self, x, h):
        return (1 - self.leak) * h + self.leak * torch.tanh(x @ self.inputs.T + h @ self.recurrent.T)


class SLSTM(nn.Module):
    """xLSTM's sLSTM: exponential gates, kept in range by the state m; n counts what c has taken in."""

    state_size = (UNITS, UNITS, UNITS, UNITS)

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs, self.recurrent = nn.Linear(inputs, 4 * UNITS), nn.Linear(UNITS, 4 * UNITS, bias=False)

    def forward(self, x, state):
        h, c, n, m = state
        i, f, z, o = (self.inputs(x) + self.recurrent(h)).chunk(4, -1)
        f = -nn.functional.softplus(-f)  # the logarithm of the sigmoid
        top = torch.maximum(f + m, i)
        i, f = torch.exp(i - top), torch.exp(f + m - top)
        c, n = f * c + i * torch.tanh(z), f * n + i
        h = torch.sigmoid(o) * c / n
        return h, (h, c, n, top)


class Reader(nn.Module):
    """A cell, the mean of its answers over time, and a readout."""

    def __init__(self, cell: nn.Module, outputs: int) -> None:
        super().__init__()
        self.rnn, self.readout = Recurrent(cell), nn.Linear(outputs, 10)

    def forward(self, x):
        return self.readout(self.rnn(x)[0].mean(1))


CELLS = {
    "S4D": lambda: S4D(8),
    "Liquid-S4": lambda: S4D(8, liquid=True),
    "LRU": lambda: LRU(8),
    "minGRU": lambda: MinGRU(8),
    "minLSTM": lambda: MinLSTM(8),
    "reservoir": lambda: Reservoir(8),
    "sLSTM": lambda: SLSTM(8),
}


def digits() -> tuple[np.ndarray, np.ndarray]:
    """(1797, 8 rows, 8 pixels) from -1 to 1, and which digit each is."""
    images, labels = load_digits(return_X_y=True)
    return (images.reshape(-1, 8, 8) / 8 - 1).astype(np.float32), labels


def fitted(name: str, x: np.ndarray, labels: np.ndarray) -> Reader:
    """A reader whose readout is fitted to the first images."""
    torch.manual_seed(0)
    model = Reader(CELLS[name](), 2 * UNITS if name == "reservoir" else UNITS)
    with torch.no_grad():
        seen = model.rnn(torch.from_numpy(x[:TRAIN]))[0].mean(1)
        whole = torch.cat([seen, torch.ones(len(seen), 1)], 1)
        wanted = 2.0 * nn.functional.one_hot(torch.from_numpy(labels[:TRAIN]), 10) - 1
        ridge = whole.T @ whole + 0.3 * torch.eye(whole.shape[1])
        weights = torch.linalg.solve(ridge, whole.T @ wanted)
        model.readout.weight.copy_(weights[:-1].T)
        model.readout.bias.copy_(weights[-1])
    return model.eval()


def main() -> None:
    """Compile each, and show what integers cost it."""
    x, labels = digits()
    for name in CELLS:
        model = fitted(name, x, labels)
        net = ltc2neuro.compile(model, x[:TRAIN:3])
        test, wanted = x[TRAIN:], labels[TRAIN:]
        with torch.no_grad():
            truth = model(torch.from_numpy(test)).numpy()
        y = net(test)
        right = [float(np.mean(np.argmax(a, -1) == wanted)) for a in (truth, y)]
        sqnr = ltc2neuro.metrics.sqnr([truth], [y])
        print(f"{name:10} accuracy, torch {right[0]:.3f}, integers {right[1]:.3f}, SQNR {sqnr:5.1f} dB")


if __name__ == "__main__":
    main()
