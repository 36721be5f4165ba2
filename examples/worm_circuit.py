"""A circuit of C. elegans answers touch: the worm backs off from a touch at its head, and flees from one at its tail.

    python examples/worm_circuit.py [--train]

The tap withdrawal circuit: touch neurons, interneurons, and two command neurons, AVA for backward and AVB for
forward. Its wiring is drawn after S. R. Wicks, C. J. Roehrig and C. H. Rankin (1996); strengths, signs and time
constants of its graded synapses are trained, until each command outlasts its touch for a while.
"""

from collections.abc import Sequence

import numpy as np
import torch
from tasks import Task
from torch import nn
from walkthrough import COLORS, GREY, answers, check, figure, keep, options, trained

import ltc2neuro
from ltc2neuro import plot
from ltc2neuro.nn import ConductanceCircuit

CELLS = ("ALM", "AVM", "PLM", "AVD", "PVC", "DVA", "AVA", "AVB")
TOUCH = (("ALM", "AVM"), ("PLM",))
"""The neurons that feel a touch at the head, and at the tail."""
SYNAPSES = {
    "ALM": ("AVD", "PVC", "AVB"),
    "AVM": ("AVD", "PVC", "AVB"),
    "PLM": ("PVC", "AVD", "DVA", "AVA"),
    "AVD": ("AVA", "AVB", "PVC"),
    "PVC": ("AVB", "AVA", "AVD", "DVA"),
    "DVA": ("PVC", "AVA", "AVB"),
    "AVA": ("AVB", "AVD", "PVC"),
    "AVB": ("AVA", "AVD"),
}


class Worm(nn.Module):
    """Eight neurons; the potentials of the last two, the commands, are the answer."""

    def __init__(self) -> None:
        super().__init__()
        synapses, touch = torch.zeros(len(CELLS), len(CELLS)), torch.zeros(len(TOUCH), len(CELLS))
        for source, targets in SYNAPSES.items():
            synapses[CELLS.index(source), [CELLS.index(target) for target in targets]] = 1
        for i, felt_by in enumerate(TOUCH):
            touch[i, [CELLS.index(cell) for cell in felt_by]] = 1
        self.circuit = ConductanceCircuit(len(TOUCH), len(CELLS), synapses, touch)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        potentials, state = self.circuit(x)
        return potentials[:, :, -2:], state


def touches() -> Task:
    """(batch, 60, 2): touches at head and tail, 4 samples long, and what AVA and AVB should do about them."""
    rng = np.random.default_rng(0)
    x, y = np.zeros((2, 160, 60, 2), np.float32)
    for row in range(160):
        for start in (4 + int(rng.integers(6)), 32 + int(rng.integers(6))):
            where = int(rng.integers(2))
            after = np.arange(60 - start)
            command = np.where(after < 6, np.minimum(after / 3, 1), np.exp(-(after - 6) / 5))
            x[row, start : start + 4, where] = 1
            y[row, start:, where] += 0.6 * command
            y[row, start:, 1 - where] -= 0.3 * command
    return Task(x[:128], y[:128], x[128:], y[128:], "mse")


def main(arguments: Sequence[str] | None = None) -> None:
    asked = options(__doc__, "worm_circuit", arguments)
    torch.manual_seed(0)
    task = touches()
    model = trained(Worm(), "worm_circuit", task, asked.train, epochs=40, rate=0.05, batch=16)

    net = ltc2neuro.compile(model, task.x_train)
    print(net)
    check(net, model, task)

    both = np.flatnonzero(task.x_test.any(1).all(1))[:1]  # a test sequence with a touch at either end
    x, y = task.x_test[both], task.y_test[both]
    found = plot.traces(net, x)
    exact, integer = found.states["circuit.v"].exact[0], found.states["circuit.v"].integer[0]
    drawn, (commands, cells) = figure("A worm is touched: the potentials of its tap withdrawal circuit", [1.4, 3.2])
    commands.plot(y[0], color=GREY, lw=5)
    for i, (name, command) in enumerate((("AVA, backward", COLORS[0]), ("AVB, forward", COLORS[1]))):
        commands.plot(answers(model, x)[0, :, i], color=command, lw=1.3, label=f"{name}, float")
        commands.plot(net(x)[0, :, i], "o", color=command, ms=3, mec="white", mew=0.3, label=f"{name}, integer")
    commands.set_ylabel("commands")
    spread = 0.8 / np.ptp(exact, axis=0).max()
    for i, cell in enumerate(CELLS):  # one below the other
        color = COLORS[("AVA", "AVB").index(cell)] if cell in ("AVA", "AVB") else COLORS[5]
        cells.axhline(-i, color=GREY, lw=0.6)
        cells.plot(spread * exact[:, i] - i, color=color, lw=1.3)
        cells.plot(spread * integer[:, i] - i, "o", color=color, ms=3, mec="white", mew=0.3)
    cells.set_yticks(-np.arange(len(CELLS)), CELLS)
    for where, color in enumerate(COLORS[:2]):
        felt = np.flatnonzero(x[0, :, where])
        for panel in (commands, cells):
            panel.axvspan(felt[0] - 0.5, felt[-1] + 0.5, color=color, alpha=0.15)
        cells.text(felt.mean(), 0.9, ("head", "tail")[where] + " touched", color=color, ha="center", va="bottom")
    keep(drawn, asked.plot)


if __name__ == "__main__":
    main()
