"""The demo's plot: motor neurons' states and liquid time constants while images are read, float and integer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from compiler.executors.execution import prepare
from compiler.executors.float64 import KERNELS
from hw_models.arrays import Floats, Integers
from ltc2neuro.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGES = 5
CLASSES = 10
"""ncps keeps the motor neurons first, one for each class"""
RIGHT, RIVAL, OTHER = "#c2410c", "#2563eb", "#a8a8a8"


@dataclass(frozen=True)
class Traces:
    """States and liquid time constants of the motor neurons after each row, (batch, rows, classes)."""

    states: Floats
    tau: Floats


def choose(labels: Integers, answers: Integers) -> Integers:
    """The first image of each of five digits, but one that the network gets wrong where there is one."""
    right = [int(np.flatnonzero((labels == d) & (answers == d))[0]) for d in (0, 3, 4, 7, 9)]
    wrong = np.flatnonzero(labels != answers)[:1]
    return np.array([*right[: IMAGES - len(wrong)], *wrong], np.int64)


def draw(net: Network, x: npt.NDArray[np.float32], labels: Integers, path: Path) -> None:
    """Draw images `x` (batch, 8, 8), one a column, into the PNG `path`."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    exact, integer = _float_traces(net, x), _integer_traces(net, x)
    answers = np.asarray(net(x))
    figure = Figure(figsize=(13, 10), layout="constrained")
    axes = figure.subplots(4, len(x), sharey="row", height_ratios=[1.1, 1.6, 0.8, 1.6])
    for column, label in enumerate(labels):
        colors = _colors(int(label), answers[column])
        top, states, errors, taus = axes[:, column]
        _image(top, x[column], int(label), int(answers[column].argmax()))
        _lines(states, exact.states[column], integer.states[column], colors)
        _error(errors, integer.states[column] - exact.states[column], colors)
        _lines(taus, exact.tau[column], integer.tau[column], colors)
        taus.set_yscale("log")
        taus.set_xlabel("rows read")
    axes[1, 0].set_ylabel("states v")
    axes[2, 0].set_ylabel("integer minus float\nin thousandths")
    axes[3, 0].set_ylabel("liquid time constants $\\tau$\nin rows")
    keys = [
        Line2D([], [], color=RIGHT, lw=2, label="motor neuron of the right digit"),
        Line2D([], [], color=RIVAL, lw=2, label="its strongest rival"),
        Line2D([], [], color=OTHER, lw=1, label="the other motor neurons"),
        Line2D([], [], color="black", lw=1.5, label="float"),
        Line2D([], [], color="black", lw=0, marker="o", ms=4, label="integer"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=5, frameon=False)
    figure.suptitle("A liquid network reads handwritten digits row by row: float and integer", fontsize=14)
    figure.savefig(path, dpi=110)


def _float_traces(net: Network, x: npt.NDArray[np.float32]) -> Traces:
    """From the float graph, which is proved equal to torch."""
    (constant,) = net.float_graph.time_constants
    run = prepare(net.float_graph, KERNELS).run(x.astype(np.float64), record=(constant.total,))
    keep = net.float_graph.constants[constant.keep].astype(np.float64)
    total = run.record[constant.total].astype(np.float64)
    tau = net.dt / constant.repeat * keep / (total - keep)
    return Traces(run.states[constant.state][..., :CLASSES].astype(np.float64), tau[..., :CLASSES])


def _integer_traces(net: Network, x: npt.NDArray[np.float32]) -> Traces:
    """From the reference, in real values."""
    run = net.run(x, record=("tau",))
    (name,) = run.states
    states = np.asarray(run.states[name], np.float64) * net.state_lsb(name)
    return Traces(states[..., :CLASSES], np.asarray(run.record["tau"])[..., :CLASSES])


def _colors(label: int, scores: Floats) -> list[str]:
    """One a class: the right one, the one with the highest score of the others, and the rest."""
    rival = int(np.argmax(np.where(np.arange(CLASSES) == label, -np.inf, scores)))
    return [RIGHT if c == label else RIVAL if c == rival else OTHER for c in range(CLASSES)]


def _image(axes: Axes, image: npt.NDArray[np.float32], label: int, answer: int) -> None:
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=1)
    axes.set_title(f"a {label}, named {answer}", color="black" if label == answer else RIVAL)
    axes.set_xticks([])
    axes.set_yticks([])


def _lines(axes: Axes, exact: Floats, integer: Floats, colors: list[str]) -> None:
    rows = np.arange(1, len(exact) + 1)
    for c in _grey_first(colors):
        width, size = (0.8, 3) if colors[c] == OTHER else (2, 6)
        axes.plot(rows, exact[:, c], color=colors[c], lw=width)
        axes.plot(rows, integer[:, c], "o", color=colors[c], ms=size, mec="white", mew=0.5)
    axes.grid(alpha=0.25)
    axes.set_xticks(rows)


def _error(axes: Axes, error: Floats, colors: list[str]) -> None:
    rows = np.arange(1, len(error) + 1)
    for c in _grey_first(colors):
        axes.plot(rows, 1000 * error[:, c], color=colors[c], lw=0.8 if colors[c] == OTHER else 1.5)
    axes.grid(alpha=0.25)
    axes.set_xticks(rows)


def _grey_first(colors: list[str]) -> list[int]:
    """The classes in the order in which they are drawn."""
    return sorted(range(CLASSES), key=lambda c: colors[c] != OTHER)
