"""What fewer segments or lower degrees would spare in each kind of cell, and lose: a table of docs/search.md.

    python benchmarks/segments.py [--only WORD]

Cells of digits (`cell_models.py`), each trained for seconds. Against the default's 8 cubics a function: time of a
sample, instructions that are executed in it, SQNR of the worst channel of states and outputs on 128 test sequences.
"""

import argparse
import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from cell_models import MODELS
from cells import CALIBRATION, TESTED, decibels
from table import show
from tasks import digits

import ltc2neuro
from compiler.placement.events import count_events
from ltc2neuro import Precision

FORMS = ((8, 3), (4, 3), (12, 2), (8, 2), (16, 1))
"""Segments and degree, the default's first"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Fewer segments, lower degrees.")
    parser.add_argument("--only", default="", help="only cells whose name has this in it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # few decibels are expected here
    rows = []
    for cell in MODELS:
        if arguments.only not in cell.name or cell.task is not digits:
            continue
        task = cell.task()
        model, found = cell.trained(task, None), []
        for segments, degree in FORMS:
            precision = Precision(segments=segments, degree=degree)
            net = ltc2neuro.compile(model, task.x_train[:CALIBRATION], precision=precision)
            cost = net.cost()
            work = count_events(cost.placement).totals()["instructions"]
            found.append((cost.sample.default, work, *decibels(net, task.x_test[:TESTED])[0]))
        first = found[0]
        for (segments, degree), (time, work, states, outputs) in zip(FORMS, found, strict=True):
            lost = (f"{states - first[2]:+.1f}", f"{outputs - first[3]:+.1f}")
            spared = (f"{100 * (time / first[0] - 1):+.1f} %", f"{100 * (work / first[1] - 1):+.1f} %")
            rows.append([cell.name, f"{segments} of degree {degree}", *spared, *lost])
        print(*rows[-len(FORMS) :], sep="\n", flush=True)
    show(["cell", "segments", "time", "instructions", "states, dB", "outputs, dB"], rows)


if __name__ == "__main__":
    main()
