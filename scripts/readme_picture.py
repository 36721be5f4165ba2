"""Draws the picture of README.md, docs/digits.png, from the digits LTC of the examples."""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

HOME = Path(__file__).parents[1]
sys.path.insert(0, str(HOME / "examples"))

from tasks import digits  # noqa: E402  # examples/ is no package
from train_digits_ltc import build  # noqa: E402
from training import load  # noqa: E402

import ltc2neuro  # noqa: E402
from ltc2neuro import plot  # noqa: E402

if __name__ == "__main__":
    task = digits()
    net = ltc2neuro.compile(load(build(), "digits_ltc"), task.x_train)
    found = plot.traces(net, task.x_test[:4])
    drawn = Figure(figsize=(11, 4.4), layout="constrained", facecolor="white")
    axes = drawn.subplot_mosaic("ab;ac", width_ratios=[1, 1.25])
    plot.network(net, axes["a"])
    plot.states(found, axes["b"])
    plot.time_constants(found, axes["c"])
    drawn.savefig(HOME / "docs" / "digits.png", dpi=80)
