"""Random torch models, as people compose them: recurrent layers of every kind, heads, residuals, parallel branches.

Weights are scattered as training leaves them, in scale and in dtype; now and then a model does what no network can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP, FullyConnected
from torch import Tensor, nn

from ltc2neuro import nn as cells

Step = Callable[[Tensor], Tensor]
Stage = Callable[[nn.Module | None, Tensor], Tensor]
Choice = np.random.Generator


@dataclass(frozen=True)
class Example:
    """A model, the data to calibrate it on, and other data of the same kind: (batch, time, features)."""

    model: nn.Module
    calibration: np.ndarray
    new: np.ndarray
    chip: str


class First(nn.Module):
    """The outputs of a recurrent layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]


class Own(nn.Module):
    """A cell as users write them: a leak, a gate, or a clipped sum."""

    def __init__(self, kind: str, features: int, units: int) -> None:
        super().__init__()
        self.kind, self.state_size = kind, units
        self.input, self.state = nn.Linear(features, units), nn.Linear(units, units)
        self.decay = nn.Parameter(torch.rand(units))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        drive = self.input(x) + self.state(h)
        if self.kind == "leak":
            keep = torch.sigmoid(self.decay)
            return keep * h + (1 - keep) * torch.tanh(drive)
        if self.kind == "gate":
            gate = torch.sigmoid(drive)
            return gate * torch.tanh(self.input(x)) + (1 - gate) * h
        if self.kind == "euler":
            return cells.repeat(lambda v: v + (torch.tanh(self.input(x) + self.state(v)) - v) / 4, h, 3)
        return torch.clamp(0.8 * h + 0.3 * drive, -1.5, 1.5)


class Composed(nn.Module):
    """A chain of named stages, each (module or None, function of the module and the value)."""

    def __init__(self, stages: list[tuple[nn.Module | None, Stage]]) -> None:
        super().__init__()
        self.functions = [function for _, function in stages]
        for number, (module, _) in enumerate(stages):
            if module is not None:
                self.add_module(f"stage{number}", module)

    def forward(self, x: Tensor) -> Tensor:
        for number, function in enumerate(self.functions):
            x = function(getattr(self, f"stage{number}", None), x)
        return x


ACTIVATIONS: tuple[Step, ...] = (
    torch.tanh, torch.sigmoid, torch.relu, functional.silu, functional.gelu, functional.softplus, functional.elu,
    functional.leaky_relu, functional.hardtanh, functional.softsign, torch.abs, torch.square, functional.mish,
    lambda x: x * torch.sigmoid(1.7 * x), lambda x: x / (1 + x.abs()), lambda x: torch.clamp(x, -0.7, 0.9),
    lambda x: torch.exp(-x.square()), lambda x: torch.sqrt(x.square() + 0.1),
    lambda x: torch.where(x > 0.2, x, 0.1 * x),
    lambda x: torch.maximum(x, -0.5 * x), lambda x: torch.softmax(x, -1), lambda x: (x > 0).float() * x,
    lambda x: torch.sign(x) * x, lambda x: 1 / (1 + x.square()), lambda x: x - x.mean(-1, keepdim=True),
)  # fmt: skip


FUSED = 0.6
"""How many layers are torch's own, which run fast, for many trials"""


def recurrent(rng: Choice, features: int, units: int) -> nn.Module:
    """A recurrent layer of any kind that the tables list, batch first."""
    fused: list[Callable[[], nn.Module]] = [
        lambda: nn.RNN(features, units, batch_first=True, nonlinearity=str(rng.choice(["tanh", "tanh", "relu"]))),
        lambda: nn.LSTM(features, units, int(rng.integers(1, 3)), batch_first=True),
        lambda: nn.GRU(features, units, int(rng.integers(1, 3)), batch_first=True),
    ]
    stepped: list[Callable[[], nn.Module]] = [
        lambda: LTC(features, FullyConnected(units), ode_unfolds=int(rng.integers(1, 5)), batch_first=True),
        lambda: LTC(features, AutoNCP(units + 4, units), ode_unfolds=int(rng.integers(1, 5)), batch_first=True),
        lambda: CfC(features, units, mode=str(rng.choice(["default", "pure", "no_gate"])), batch_first=True),
        lambda: CfC(features, AutoNCP(units + 4, units), batch_first=True),
        lambda: CfC(features, units, mixed_memory=True, batch_first=True),
        lambda: cells.CTRNN(features, units, steps=int(rng.integers(1, 5))),
        lambda: cells.LTCSE(features, units),
        lambda: cells.PaperLTC(features, units),
        lambda: cells.GRUODE(features, units, steps=2),
        lambda: cells.ODELSTM(features, units, steps=2),
        lambda: cells.CTGRU(features, units, scales=3),
        lambda: cells.GRUD(features, units),
        lambda: cells.ODERNN(features, units, steps=2),
        lambda: cells.NeuralODE(features, units, steps=2),
        lambda: cells.ConductanceCircuit(features, units, steps=2),
        lambda: cells.Recurrent(Own(str(rng.choice(["leak", "gate", "clip", "euler"])), features, units)),
    ]
    makers = fused if rng.random() < FUSED else stepped
    return First(makers[int(rng.integers(len(makers)))]())


def _activation(rng: Choice) -> tuple[None, Stage]:
    function = ACTIVATIONS[int(rng.integers(len(ACTIVATIONS)))]
    return None, lambda _, x: function(x)


def _linear(features: int, units: int) -> tuple[nn.Module, Stage]:
    return nn.Linear(features, units), called


def called(module: nn.Module | None, x: Tensor) -> Tensor:
    assert module is not None
    return module(x)


def _branches(rng: Choice, features: int, units: int) -> tuple[nn.Module, Stage]:
    """Two layers side by side, joined."""
    pair = nn.ModuleList([recurrent(rng, features, units), nn.Linear(features, units)])
    joins: list[Callable[[Tensor, Tensor], Tensor]] = [
        lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - 0.5 * b, torch.maximum, torch.minimum,
        lambda a, b: torch.where(a > b, a, -b), lambda a, b: a * torch.sigmoid(b), lambda a, b: a / (2 + b.abs()),
    ]  # fmt: skip
    join = joins[int(rng.integers(len(joins)))]

    def both(module: nn.Module | None, x: Tensor) -> Tensor:
        assert isinstance(module, nn.ModuleList)
        return join(module[0](x), module[1](x))

    return pair, both


def _residual(rng: Choice, units: int) -> tuple[nn.Module, Stage]:
    return recurrent(rng, units, units), lambda module, x: x + called(module, x)


CHIPS = ("loihi2", "loihi2", "ideal", "ideal", "spinnaker2")
IMPOSSIBLE: tuple[Step, ...] = (
    lambda x: x / x.shape[1], lambda x: x[:, -10:], lambda x: x.mean(1), lambda x: x * (2 if x.shape[0] > 8 else 1),
    lambda x: x.cumsum(1), lambda x: torch.cat([c - c[:, :1] for c in x.split(16, 1)], 1), lambda x: x - x.roll(1, 1),
    lambda x: x + torch.randn_like(x), lambda x: x[:, 0], lambda x: x / x.abs().max(), lambda x: x.flip(1),
    lambda x: x if x.shape[1] < 30 else 2 * x, lambda x: x.sort(-1).values,
)  # fmt: skip


def example(seed: int) -> Example:
    """The model and data of a seed."""
    rng = np.random.default_rng([seed, 3])
    torch.manual_seed(seed)
    features, units = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    stages: list[tuple[nn.Module | None, Stage]] = []
    width = features
    for _ in range(int(rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))):
        kind = rng.choice(["recurrent", "linear", "branches", "residual"], p=[0.3, 0.4, 0.15, 0.15])
        if kind == "residual" and width == units:
            stages.append(_residual(rng, units))
        elif kind == "linear":
            stages.append(_linear(width, units))
        elif kind == "branches":
            stages.append(_branches(rng, width, units))
        else:
            stages.append((recurrent(rng, width, units), called))
        width = units
        if rng.random() < 0.4:
            stages.append(_activation(rng))
    if rng.random() < 0.06:
        wrong = IMPOSSIBLE[int(rng.integers(len(IMPOSSIBLE)))]
        stages.insert(int(rng.integers(len(stages) + 1)), (None, lambda _, x: wrong(x)))
    outputs = int(rng.integers(1, 4))
    if rng.random() < 0.6:
        stages.append(_linear(width, outputs))
    if rng.random() < 0.25:
        stages.append((None, lambda _, x: x[:, -1]))
    if rng.random() < 0.3:
        factor = float(10 ** rng.uniform(-7, 4))
        stages.append((None, lambda _, x: x * factor))
    model = Composed(stages)
    spread = float(rng.uniform(0.1, 0.5))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(spread * torch.randn_like(parameter) * parameter.abs().mean().clamp(max=1.0))
    model = model.double() if rng.random() < 0.3 else model
    scale, offset = float(10 ** rng.uniform(-1, 1)), float(rng.choice([0.0, 0.0, 3.0, -20.0]))
    calibration, new = (data(rng, n, steps, features, scale, offset) for n, steps in ((6, 24), (9, 50)))
    return Example(model, calibration, new, str(rng.choice(CHIPS)))


def data(rng: Choice, rows: int, steps: int, features: int, scale: float, offset: float) -> np.ndarray:
    """A smooth signal that stays where it is."""
    x = rng.normal(size=(rows, steps, features))
    for t in range(1, steps):
        x[:, t] = 0.8 * x[:, t - 1] + 0.6 * x[:, t]
    return scale * np.tanh(x / 2) + offset
