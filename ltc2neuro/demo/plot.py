"""The demo's plot: a motor neuron's state and liquid time constant while images are read, and its strongest rival's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from hw_models.arrays import Floats, Integers
from ltc2neuro import plot
from ltc2neuro.network import Network
from ltc2neuro.plot.style import BAD, CYCLE

IMAGES = 5


def choose(labels: Integers, answers: Integers) -> Integers:
    """The first image of each of five digits, but one that the network gets wrong where there is one."""
    right = [int(np.flatnonzero((labels == d) & (answers == d))[0]) for d in (0, 3, 4, 7, 9)]
    wrong = np.flatnonzero(labels != answers)[:1]
    return np.array([*right[: IMAGES - len(wrong)], *wrong], np.int64)


def draw(net: Network, x: npt.NDArray[np.float32], labels: Integers, path: Path) -> None:
    """Draw images `x` (batch, 8, 8), one a column, into the PNG `path`."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    found, scores = plot.traces(net, x), np.asarray(net(x))
    (state,), (tau,) = found.states, found.taus
    figure = Figure(figsize=(13, 10), layout="constrained")
    rows = figure.subplots(4, len(x), sharey="row", height_ratios=[1.1, 1.6, 0.8, 1.6])
    for column, label in enumerate(labels.tolist()):
        two = (label, rival(label, scores[column]))  # ncps keeps the motor neurons first, one for each class
        image, *below = rows[:, column]
        answer = int(scores[column].argmax())
        image.imshow(x[column], cmap="gray_r", vmin=0, vmax=1)
        image.set_xticks([])
        image.set_yticks([])
        plot.states(found, below[0], of=state, sequence=column, elements=two)
        plot.errors(found, below[1], of=state, sequence=column, elements=two)
        plot.states(found, below[2], of=tau, sequence=column, elements=two)
        for ax in below if column else ():
            ax.set_title("")
        image.set_title(f"a {label}, named {answer}", color="black" if label == answer else BAD)
    keys = [
        Line2D([], [], color=CYCLE[0], lw=2, label="motor neuron of the right digit"),
        Line2D([], [], color=CYCLE[1], lw=2, label="its strongest rival"),
        Line2D([], [], color="black", lw=1.5, label="float"),
        Line2D([], [], color="black", lw=0, marker="o", ms=4, label="integer"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle("A liquid network reads handwritten digits row by row: float and integer", fontsize=14)
    figure.savefig(path, dpi=110)


def rival(label: int, scores: Floats) -> int:
    """The class with the highest score of the others."""
    return int(np.argmax(np.where(np.arange(len(scores)) == label, -np.inf, scores)))
