"""What `ltc2neuro.tune` gains on trained LTCs, by bits of a parameter: a table of `docs/precision.md`.

python benchmarks/tuned.py
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from trained import TRAINED

import ltc2neuro
from compiler.interpreters.float64 import run_float
from ltc2neuro import Network, Precision
from ltc2neuro.metrics import channel_sqnr

GIVEN, TESTED = 200, 128


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    lead = next(t for t in TRAINED if t.name == "digits_ltc")
    model, task = lead.model(), lead.task()
    x = task.x_test[:TESTED]

    def decibels(net: Network) -> float:
        return float(np.min(channel_sqnr([run_float(net.float_graph, x).outputs[:, -1]], [np.asarray(net(x))])))

    print("| parameter | dB | tuned | CPU time |\n|---|---|---|---|")
    for bits in (6, 8, 16):
        net = ltc2neuro.compile(model, task.x_train[:GIVEN], precision=Precision(parameter=bits))
        began = time.process_time()
        tuned = ltc2neuro.tune(net, task.x_train[:GIVEN])
        taken = time.process_time() - began
        after = f"{decibels(tuned):.1f}" if tuned is not net else "not better"
        print(f"| {bits} | {decibels(net):.1f} | {after} | {taken:.0f} s |", flush=True)


if __name__ == "__main__":
    main()
