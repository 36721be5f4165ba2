"""States that their own loop does not read: an LSTM without recurrence, a cell that forgets what it was."""

import numpy as np
import pytest
import torch
from forwards import First
from torch import nn

import ltc2neuro
from ltc2neuro.nn import Recurrent

RNG = np.random.default_rng(0)
CALIBRATION, NEW = RNG.normal(size=(2, 4, 20, 3))


class Memoryless(nn.Module):
    """Its state is what it computed last, and it never looks at it: far inside its bounds, or at its start."""

    def __init__(self, bound: float) -> None:
        super().__init__()
        self.state_size = 5
        self.bound = bound
        self.within = nn.Linear(3, 5)

    def forward(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.within(x))

    def state_bounds(self, elapsed: object) -> list[tuple[float, float]]:
        return [(-self.bound, self.bound)]


class Resting(nn.Module):
    """Its second result is the same after every sample."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = 5
        self.within = nn.Linear(3, 5)

    def forward(self, x: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.within(x), v * 0 + 0.7


def unwired(kind: type[nn.RNNBase], layers: int = 1) -> nn.Module:
    layer = kind(3, 5, layers, batch_first=True)
    for name, parameter in layer.named_parameters():
        if "weight_hh" in name:
            parameter.data.zero_()
    return layer


@pytest.mark.parametrize(
    "layer",
    [
        lambda: unwired(nn.LSTM),
        lambda: unwired(nn.RNN, layers=2),
        lambda: unwired(nn.GRU),
        lambda: Recurrent(Memoryless(1.0)),
        lambda: Recurrent(Memoryless(5.0)),
        lambda: Recurrent(Resting()),
    ],
)
def test_a_state_that_nothing_reads_fits_its_word(layer) -> None:
    torch.manual_seed(0)
    model = First(layer()).double()
    net = ltc2neuro.compile(model, CALIBRATION)
    run = net.run(NEW)
    with torch.no_grad():
        exact = model(torch.tensor(NEW)).numpy()
    assert 10 * np.log10(np.var(exact) / np.mean((exact - run.outputs) ** 2)) > 50
    assert not run.saturations
    for state in net.graph.states:
        assert state.format is not None and state.format.bits <= 24 and state.format.fraction > 15
