"""A hybrid: an LTC followed by an LSTM samples a sensor when told to, and holds the value until next time.

    python examples/liquid_lstm.py [--train]

Layers stack as in torch. Compiled, both are populations of neurons on one chip: the liquid neurons take their sub-steps
of a sample first, then the LSTM cells, which are the memory, take their one.
"""

from collections.abc import Sequence

import numpy as np
import torch
from ncps.torch import LTC
from tasks import Task
from torch import nn
from walkthrough import COLORS, GREY, check, figure, heat, keep, options, trained

import ltc2neuro
from ltc2neuro import plot


def sample_and_hold() -> Task:
    """(batch, 48, 2): a sensor, and a trigger of 0 or 1; the answer is the sensor's value at the last trigger."""
    rng = np.random.default_rng(0)
    step = np.arange(48).reshape(1, 48, 1)
    frequency, phase = rng.uniform(0.02, 0.06, (240, 1, 1)), rng.uniform(0, 1, (240, 1, 1))
    sensor = np.sin(2 * np.pi * (frequency * step + phase))
    trigger = rng.uniform(size=sensor.shape) < 0.08
    trigger[:, 0] = True
    last = np.maximum.accumulate(np.where(trigger, step, 0), 1)
    x = np.concatenate([sensor, trigger], 2).astype(np.float32)
    y = np.take_along_axis(sensor, last, 1).astype(np.float32)
    return Task(x[:192], y[:192], x[192:], y[192:], "mse")


class LiquidLSTM(nn.Module):
    """8 liquid neurons, fully wired, then 16 LSTM cells, then a linear readout."""

    def __init__(self) -> None:
        super().__init__()
        self.liquid = LTC(2, 8, ode_unfolds=3)
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        self.readout = nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        features, _ = self.liquid(x)
        y, state = self.lstm(features)
        return self.readout(y), state


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "liquid_lstm", arguments)
    torch.manual_seed(0)
    task = sample_and_hold()
    model = trained(LiquidLSTM(), "liquid_lstm", task, asked.train, epochs=40, rate=0.02, batch=16)

    net = ltc2neuro.compile(model, task.x_train)
    print(net)
    check(net, model, task)

    x = task.x_test[:1]
    found, steps = plot.traces(net, x), np.arange(1, x.shape[1] + 1)
    drawn, (top, liquid, lstm) = figure("An LTC and an LSTM sample and hold", [1.6, 0.9, 1.4])
    top.vlines(steps[x[0, :, 1] != 0], -1.1, 1.1, color=COLORS[1], lw=1, ls="--", label="trigger")
    top.plot(steps, x[0, :, 0], color="black", lw=1, ls=":", label="sensor")
    top.plot(steps, task.y_test[0], color=GREY, lw=5, label="target")
    plot.states(found, top, of="outputs")
    heat(liquid, found.states["liquid.v"].integer[0], "liquid\nneurons v")
    heat(lstm, found.states["lstm.c"].integer[0], "LSTM\ncells c")
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
