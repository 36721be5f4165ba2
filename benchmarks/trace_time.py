"""How long it takes to find the states of a model that steps itself: seconds of CPU, the proof against torch included.

python benchmarks/trace_time.py
"""

import time

import numpy as np
import torch
from ncps.torch import LTCCell
from ncps.wirings import FullyConnected
from torch import nn

from ltc2neuro.tracing.model import trace

UNITS, CHANNELS, LEVELS = 300, 16, 6


class Loop(nn.Module):
    """A cell that is stepped by hand."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell, self.head = cell, nn.Linear(UNITS, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h, answers = x.new_zeros(len(x), UNITS), []
        for x_t in x.unbind(1):
            found = self.cell(x_t, h)
            h = found[1] if isinstance(found, tuple) else found
            answers.append(self.head(h))
        return torch.stack(answers, 1)


class HandWritten(nn.Module):
    """An LTCCell of ncps as it is written by hand: tensors (batch, units, units), sums over one axis, six unfolds."""

    def __init__(self) -> None:
        super().__init__()
        full = UNITS, UNITS
        self.w, self.mu = nn.Parameter(torch.rand(full) / UNITS), nn.Parameter(torch.rand(full))
        self.sigma, self.erev = nn.Parameter(3 + torch.rand(full)), nn.Parameter(torch.randn(full))
        self.inputs = nn.Linear(3, UNITS)

    def forward(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        current = self.inputs(x)
        for _ in range(6):
            g = self.w * torch.sigmoid(self.sigma * (v.unsqueeze(2) - self.mu))
            v = (2 * v + current + (g * self.erev).sum(1)) / (3 + g.sum(1))
        return v


class Level(nn.Module):
    """A dilated convolution with a residual."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(CHANNELS, CHANNELS, 2, padding=dilation, dilation=dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.relu(self.conv(x)[:, :, : x.shape[-1]])


class TCN(nn.Module):
    """Its receptive field doubles with each level."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.Sequential(nn.Conv1d(3, CHANNELS, 1), *(Level(2**n) for n in range(LEVELS)))
        self.head = nn.Linear(CHANNELS, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.levels(x.transpose(1, 2)).transpose(1, 2))


def main() -> None:
    """Print a line for each model."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sequences = list(np.random.default_rng(0).normal(size=(4, 40, 3)))
    models = {
        f"a loop over a GRUCell of {UNITS}": Loop(nn.GRUCell(3, UNITS)),
        f"a loop over an LTCCell of {UNITS}": Loop(LTCCell(FullyConnected(UNITS, UNITS), 3)),
        f"a loop over an LTC of {UNITS} that is written by hand": Loop(HandWritten()),
        f"a TCN of {CHANNELS} channels, receptive field {2**LEVELS}": TCN(),
    }
    for name, model in models.items():
        start = time.process_time()
        trace(model, sequences)
        print(f"{name}: {time.process_time() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
