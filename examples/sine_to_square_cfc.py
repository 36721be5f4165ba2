"""Sine to square wave with a CfC, the closed-form sibling of the LTC: no solver, one step a sample.

    python examples/sine_to_square_cfc.py [--train]

The task is that of sine_to_square.py. A CfC is made of dense layers, whose 8-bit weights cost more than the synapses
of an LTC do: the lowest panel shows what the integers lose at the default precision, and with precision="accurate".
"""

from collections.abc import Sequence

import numpy as np
import torch
from ncps.torch import CfC
from sine_to_square import waves
from torch import nn
from walkthrough import GREY, answers, check, figure, heat, keep, options, trained

import ltc2neuro
from ltc2neuro import plot


class Wave(nn.Module):
    """16 closed-form neurons, and a linear readout."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = CfC(1, 16, backbone_units=24)
        self.readout = nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, state = self.rnn(x)
        return self.readout(y), state


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "sine_to_square_cfc", arguments)
    torch.manual_seed(0)
    task = waves()
    model = trained(Wave(), "sine_to_square_cfc", task, asked.train, epochs=100, rate=0.01)

    net = ltc2neuro.compile(model, task.x_train)
    accurate = ltc2neuro.compile(model, task.x_train, precision="accurate")
    print(net)
    check(net, model, task)

    x = task.x_test[:1]
    wanted = answers(model, x)[0]
    found = plot.traces(net, x)
    drawn, (top, middle, bottom) = figure("A CfC turns a sine into a square wave", [1.4, 1.2, 1])
    top.plot(range(1, 65), x[0], color="black", lw=1, ls=":", label="input")
    top.step(range(1, 65), task.y_test[0], where="mid", color=GREY, lw=3, label="target")
    plot.states(found, top, of="outputs")
    heat(middle, found.states["rnn.h"].integer[0], "neurons h")
    bottom.plot(np.abs(net(x)[0] - wanted), color="#c2410c", label="default")
    bottom.plot(np.abs(accurate(x)[0] - wanted), color="#2563eb", label="accurate")
    bottom.set_yscale("log")
    bottom.set_ylabel("error of\nthe answer")
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
