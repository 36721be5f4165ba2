"""The NumPy reference against ncps in torch eager: AutoNCP(19, 1), 8 inputs, batch 256, one thread, in one run.

    python benchmarks/reference_rate.py

Rates of torch at this size vary by a factor of up to 2 between runs, so both take turns and medians are compared.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy and torch start their threads
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from table import held, show

import ltc2neuro

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from tasks import sines
from train_sine_ltc import build
from training import load

BATCH = 256
ROUNDS = 9
GOAL = 0.25


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    torch.set_num_threads(1)
    task = sines()
    model = load(build(), "sine_ltc")
    net = ltc2neuro.compile(model, task.x_train)
    x = task.x_train[:BATCH]
    tensor = torch.from_numpy(x)
    times: dict[str, list[float]] = {"torch": [], "reference": []}
    with torch.no_grad():
        for _ in range(ROUNDS + 1):
            times["torch"].append(seconds(lambda: model(tensor)))
            times["reference"].append(seconds(lambda: net.run(x).outputs))
    # The first round warms both up.
    rates = {name: x.shape[0] * x.shape[1] / float(np.median(taken[1:])) for name, taken in times.items()}
    ratio = rates["reference"] / rates["torch"]
    show(
        ["executor", "samples/s", "of torch", f"goal >= {GOAL}"],
        [
            ["ncps in torch eager", f"{rates['torch']:,.0f}", "", ""],
            ["reference (NumPy)", f"{rates['reference']:,.0f}", f"{ratio:.2f}", held(ratio >= GOAL)],
        ],
    )
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
