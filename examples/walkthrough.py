"""What the walk-through examples share: their options, kept or fresh weights, the check, and how plots look.

Such an example is one file: a task, a model, `compile`, `verify`, a plot. Lines are float, dots are integers.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from tasks import Floats, Task
from torch import nn
from training import Model, load, outputs, save, train

import ltc2neuro
from ltc2neuro.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#c2410c", "#2563eb", "#0f766e", "#a21caf", "#a16207", "#475569", "#be123c", "#4d7c0f")
GREY = "#b4b4b4"
SEQUENCES = 16
"""That many are compared on every executor."""


@dataclass(frozen=True)
class Options:
    """What the user asked for: fresh weights or the kept ones, and where the plot goes."""

    train: bool
    plot: Path


def options(description: str | None, name: str, arguments: Sequence[str] | None) -> Options:
    """Read the command line; the plot is <name>.png in the current folder unless told otherwise."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--train", action="store_true", help="train again, and keep the weights (under a minute)")
    parser.add_argument("--plot", type=Path, default=Path(f"{name}.png"), help="where the plot goes (%(default)s)")
    given = parser.parse_args(arguments)
    return Options(given.train, given.plot)


def trained(model: Model, name: str, task: Task, again: bool, *, epochs: int, rate: float, batch: int = 64) -> Model:
    """The model in eval mode, with the weights kept for `name`, or trained now and kept."""
    torch.set_num_threads(1)
    if again:
        train(model, task, epochs=epochs, rate=rate, batch=batch)
        save(model, name)
    return load(model, name)


def check(net: Network, model: nn.Module, task: Task) -> None:
    """Run every executor that is installed on test sequences and print how they do; leave with 1 where they differ."""
    few = slice(SEQUENCES)
    timespans = None if task.timespans_test is None else task.timespans_test[few]
    verified = ltc2neuro.verify(net, model, task.x_test[few], task.y_test[few], task.metric, timespans=timespans)
    print(verified)
    if not verified.passed:
        raise SystemExit(1)


def answers(model: nn.Module, x: Floats, timespans: Floats | None = None) -> Floats:
    """What torch answers to `x`: its outputs, as an array."""
    with torch.no_grad():
        return outputs(model, torch.from_numpy(x), None if timespans is None else torch.from_numpy(timespans)).numpy()


def figure(title: str, heights: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """An empty figure of one column, its panels as high as told, their time axis shared."""
    from matplotlib.figure import Figure  # not pyplot: it opens no window and works on every machine

    drawn = Figure(figsize=(11, 1.5 * sum(heights) + 1), layout="constrained")
    axes = drawn.subplots(len(heights), 1, sharex=True, height_ratios=list(heights))
    for panel in axes:
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("samples")
    drawn.suptitle(title, fontsize=14)
    return drawn, list(axes)


def heat(axes: Axes, values: Floats, label: str) -> None:
    """Values (time, neurons) as an image: a row for each neuron, red above 0, blue below."""
    most = float(np.abs(values).max())
    extent = (0.5, len(values) + 0.5, values.shape[1] - 0.5, -0.5)
    image = axes.imshow(values.T, aspect="auto", cmap="RdBu_r", vmin=-most, vmax=most, extent=extent)
    axes.set_ylabel(label)
    axes.grid(False)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.figure.colorbar(image, cax=axes.inset_axes((1.01, 0, 0.012, 1)))


def keep(drawn: Figure, path: Path) -> None:
    """Give every panel that has labels its legend, write the PNG, and say where it is."""
    for panel in drawn.axes:
        if panel.get_legend_handles_labels()[0]:
            panel.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    drawn.savefig(path, dpi=110)
    print(f"The plot is {path}.")
