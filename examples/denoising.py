"""Denoising: a CfC listens to a noisy signal and answers with the clean one, sample by sample.

    python examples/denoising.py [--train]

The signal is a sum of two sines of unknown frequencies; the noise is almost as strong as the signal. The network
knows no future: at each sample it answers from what it has heard so far. Its gain is printed in dB, float and integer.
"""

from collections.abc import Sequence

import numpy as np
import torch
from ncps.torch import CfC
from tasks import Floats, Task
from torch import nn
from walkthrough import GREY, answers, check, figure, keep, options, trained

import ltc2neuro
from ltc2neuro import plot


def noisy_signals() -> Task:
    """(batch, 96, 1): what is heard, and the clean signal below it."""
    rng = np.random.default_rng(0)
    frequency = rng.uniform(0.01, 0.06, (400, 1, 2))
    phase = rng.uniform(0, 1, (400, 1, 2))
    clean = np.sin(2 * np.pi * (frequency * np.arange(96).reshape(1, 96, 1) + phase)).mean(2, keepdims=True)
    heard = clean + rng.normal(0, 0.4, clean.shape)
    x, y = heard.astype(np.float32), clean.astype(np.float32)
    return Task(x[:320], y[:320], x[320:], y[320:], "mse")


class Denoiser(nn.Module):
    """24 closed-form neurons, and a linear readout."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = CfC(1, 24, backbone_units=32)
        self.readout = nn.Linear(24, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, state = self.rnn(x)
        return self.readout(y), state


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "denoising", arguments)
    torch.manual_seed(0)
    task = noisy_signals()
    model = trained(Denoiser(), "denoising", task, asked.train, epochs=50, rate=0.01)

    net = ltc2neuro.compile(model, task.x_train)
    print(net)
    check(net, model, task)
    exact, integer = answers(model, task.x_test), np.asarray(net(task.x_test))
    print(f"noise taken away: {gain(task, exact):.2f} dB by torch, {gain(task, integer):.2f} dB by the integers")

    found = plot.traces(net, task.x_test[:3])
    drawn, panels = figure("A CfC takes the noise from three signals", [1.4, 1.4, 1.4])
    steps = np.arange(1, task.x_test.shape[1] + 1)
    for i, panel in enumerate(panels):
        panel.plot(steps, task.x_test[i], ".", color=GREY, ms=5, alpha=0.6, label=None if i else "heard")
        panel.plot(steps, task.y_test[i], color=GREY, lw=5, label=None if i else "clean")
        plot.states(found, panel, of="outputs", sequence=i)
    keep(drawn, asked.plot)


def gain(task: Task, answer: Floats) -> float:
    """How much weaker the error of the answers is than the noise was, in dB."""
    noise, left = np.mean((task.x_test - task.y_test) ** 2), np.mean((answer - task.y_test) ** 2)
    return float(10 * np.log10(noise / left))


if __name__ == "__main__":
    main()
