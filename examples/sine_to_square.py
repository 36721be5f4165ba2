"""Sine to square wave, the hello world of liquid networks, with an LTC.

    python examples/sine_to_square.py            # the kept weights: compile, run everywhere, plot
    python examples/sine_to_square.py --train    # train them again first

The network sees a sine and answers with a square wave twice as fast: +1 while the sine leaves 0, -1 while it comes
back. One sample does not tell which, so the neurons must remember where the sine comes from. The plot also shows
their liquid time constants: a conductance-based neuron is fast or slow, depending on what it sees.
"""

from collections.abc import Sequence

import numpy as np
import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP
from tasks import Task
from walkthrough import GREY, check, figure, keep, options, trained

import ltc2neuro
from ltc2neuro import plot


def waves() -> Task:
    """Sines of different frequencies and phases, (batch, 64, 1), and the sign of their value times their slope."""
    rng = np.random.default_rng(0)
    frequency, phase = rng.uniform(0.02, 0.05, (160, 1, 1)), rng.uniform(0, 1, (160, 1, 1))
    angle = 2 * np.pi * (frequency * np.arange(64).reshape(1, 64, 1) + phase)
    x, y = np.sin(angle).astype(np.float32), np.sign(np.sin(2 * angle)).astype(np.float32)
    return Task(x[:128], y[:128], x[128:], y[128:], "mse")


def build() -> LTC:
    """A neural circuit policy: 12 liquid neurons, sparsely wired, one of them the answer."""
    return LTC(1, AutoNCP(12, 1, seed=1))


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "sine_to_square", arguments)
    torch.manual_seed(0)
    task = waves()
    model = trained(build(), "sine_to_square", task, asked.train, epochs=60, rate=0.03)

    net = ltc2neuro.compile(model, task.x_train)
    print(net)
    check(net, model, task)

    x = task.x_test[:1]
    found = plot.traces(net, x)
    drawn, (top, middle, bottom) = figure("A liquid network turns a sine into a square wave", [1.4, 1.4, 1.4])
    top.plot(range(1, 65), x[0], color="black", lw=1, ls=":", label="input")
    top.step(range(1, 65), task.y_test[0], where="mid", color=GREY, lw=3, label="target")
    plot.states(found, top, of="outputs")
    plot.states(found, middle, of="v")
    plot.states(found, bottom, of="tau")
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
