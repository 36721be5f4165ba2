"""A cell of your own, in 20 lines: it weighs clicks to the left against clicks to the right, and slowly forgets.

    python examples/own_cell.py [--train]

No package ships the cell `Adaptive`. Under `Recurrent` it is a layer like any other: it trains, and it compiles,
because compiling only runs its forward. Its neurons learn their time constants; docs/cells.md says what a cell must
have, and what `state_bounds` promises.
"""

from collections.abc import Sequence

import numpy as np
import torch
from tasks import Task
from torch import nn
from walkthrough import COLORS, GREY, check, figure, heat, keep, options, trained

import ltc2neuro
from ltc2neuro import plot
from ltc2neuro.nn import Recurrent, repeat


class Adaptive(nn.Module):
    """v' = (tanh(W x + U v) - v) / tau, in 4 steps of Euler."""

    state_names = ("v",)

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.state_size = units
        self.inputs, self.recurrent = nn.Linear(inputs, units), nn.Linear(units, units)
        self.log_tau = nn.Parameter(torch.zeros(units))

    def forward(self, x: torch.Tensor, v: torch.Tensor, elapsed: float | torch.Tensor) -> torch.Tensor:
        drive, share = self.inputs(x), elapsed / 4 * torch.exp(-self.log_tau)
        return repeat(lambda v: v + share * (torch.tanh(drive + self.recurrent(v)) - v), v, 4)

    def state_bounds(self, elapsed: float) -> list[tuple[float, float] | None]:
        # Proven while a step is shorter than every time constant: v stays a mean of itself and of a tanh.
        return [(-1.0, 1.0) if elapsed / 4 <= float(torch.exp(self.log_tau).min()) else None]


class Weighing(nn.Module):
    """16 neurons of our own kind, and a linear readout."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = Recurrent(Adaptive(2, 16))
        self.readout = nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, state = self.rnn(x)
        return self.readout(y), state


def clicks() -> Task:
    """(batch, 80, 2): clicks left and right, 0 or 1, and their difference, summed and forgotten within 15 samples."""
    rng = np.random.default_rng(0)
    rate = rng.uniform(0.05, 0.35, (320, 1, 2))
    x = (rng.uniform(size=(320, 80, 2)) < rate).astype(np.float32)
    y = np.zeros((320, 80, 1), np.float32)
    for k in range(80):
        y[:, k, 0] = np.exp(-1 / 15) * y[:, k - 1, 0] + (x[:, k, 1] - x[:, k, 0]) / 4
    return Task(x[:256], y[:256], x[256:], y[256:], "mse")


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "own_cell", arguments)
    torch.manual_seed(0)
    task = clicks()
    model = trained(Weighing(), "own_cell", task, asked.train, epochs=40, rate=0.01)

    net = ltc2neuro.compile(model, task.x_train)
    print(net)
    check(net, model, task)

    x = task.x_test[:1]
    order = model.rnn.cell.log_tau.detach().argsort().numpy()
    found = plot.traces(net, x)
    drawn, (top, middle, bottom) = figure("A cell of one's own weighs left against right", [0.5, 1.5, 1.3])
    top.eventplot([np.flatnonzero(x[0, :, i]) + 1 for i in (0, 1)], colors=COLORS[1:3], linelengths=0.8)
    top.set_yticks([0, 1], ["left", "right"])
    middle.plot(range(1, 81), task.y_test[0], color=GREY, lw=5, label="target")
    plot.states(found, middle, of="outputs")
    heat(bottom, found.states["rnn.v"].integer[0][:, order], "neurons v\nfast to slow")
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
