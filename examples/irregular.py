"""Samples at irregular times: a CfC is told how much time has passed, and forecasts an oscillation from its last value.

    python examples/irregular.py [--train]

Each sample is the value of a noisy oscillation when it was last seen, with the time since then as its time span; the
answer is the value now. Without the time spans nobody could tell: the example shows that, too. ncps 1.0.1 takes time
spans right for one sequence at a time only, so its cell is run by `ltc2neuro.nn.Recurrent`, which takes a batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from ncps.torch import CfCCell
from tasks import Floats, Task
from torch import nn
from walkthrough import COLORS, GREY, answers, check, figure, keep, options, trained

import ltc2neuro
from ltc2neuro.nn import Recurrent

FREQUENCY = 0.05


def irregular_samples() -> Task:
    """(batch, 48, 1): the value last seen, and the value now, 0.5 to 8 units of time later; a period takes 20."""
    rng = np.random.default_rng(0)
    timespans = rng.uniform(0.5, 8, (320, 48))
    phase = 2 * np.pi * (FREQUENCY * np.cumsum(timespans, 1) + rng.uniform(0, 1, (320, 1)))
    now, before = np.sin(phase), np.sin(phase - 2 * np.pi * FREQUENCY * timespans)
    seen = before + rng.normal(0, 0.05, before.shape)
    x, y, timespans = (values.astype(np.float32) for values in (seen[..., None], now[..., None], timespans))
    return Task(x[:256], y[:256], x[256:], y[256:], "mse", timespans[:256], timespans[256:])


class Forecaster(nn.Module):
    """24 closed-form neurons whose gates know the elapsed time, and a linear readout."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = Recurrent(CfCCell(1, 24, backbone_units=48))
        self.readout = nn.Linear(24, 1)

    def forward(self, x: torch.Tensor, timespans: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, state = self.rnn(x, timespans=timespans)
        return self.readout(y), state


def turning(time: Floats) -> Floats:
    """The two waves that every oscillation of the task is a mixture of, (time, 2)."""
    angle = 2 * np.pi * FREQUENCY * time
    return np.stack([np.sin(angle), np.cos(angle)], -1)


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "irregular", arguments)
    torch.manual_seed(0)
    task = irregular_samples()
    model = trained(Forecaster(), "irregular", task, asked.train, epochs=100, rate=0.01, batch=32)

    net = ltc2neuro.compile(model, task.x_train, timespans=task.timespans_train)
    print(net)
    check(net, model, task)
    told = np.asarray(net(task.x_test, timespans=task.timespans_test))
    untold = np.asarray(net(task.x_test, timespans=np.full_like(task.timespans_test, np.mean(task.timespans_train))))
    for how, answer in (("with", told), ("without", untold)):
        print(f"mean squared error of the integers {how} the time spans: {np.mean((answer - task.y_test) ** 2):.4f}")

    x, timespans, target = task.x_test[:1], task.timespans_test[:1], task.y_test[0, :, 0]
    time = np.cumsum(timespans[0])
    fine = np.linspace(0, time[-1], 1000)
    mix = np.linalg.lstsq(turning(time), target, rcond=None)[0]  # the oscillation through the targets
    drawn, (top, bottom) = figure("A CfC forecasts an oscillation that it sees at irregular times", [2, 1])
    top.plot(fine, turning(fine) @ mix, color=GREY, lw=3, label="oscillation")
    top.plot(time - timespans[0], x[0, :, 0], "x", color="black", ms=5, label="last seen")
    top.plot(time, untold[0, :, 0], ".", color=COLORS[1], ms=6, label="without time spans")
    top.vlines(time, answers(model, x, timespans)[0, :, 0], target, color=COLORS[0], lw=1.3, label="error, float")
    top.plot(time, told[0, :, 0], "o", color=COLORS[0], ms=5, mec="white", mew=0.5, label="answer, integer")
    bottom.bar(
        time - timespans[0], timespans[0], width=timespans[0], align="edge", color=COLORS[2], edgecolor="white", lw=0.5
    )
    bottom.set_ylabel("time span")
    bottom.set_xlabel("time")
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
