"""Two threads against one: an LTC of 19 units, 512 sequences of several lengths, by the clock.

    python -m benchmarks.thread_rate

The best of several runs of each, in turn. It needs two idle CPUs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
import warnings

import numpy as np
import torch

import ltc2neuro
from benchmarks.native_rate import MODELS, answers, cpu
from ltc2neuro.network import Network

ROUNDS, BATCH, STEPS = 25, 512, (50, 100, 400)


def seconds(net: Network, x: np.ndarray, threads: int) -> float:
    """What a run takes, with the answers as real numbers."""
    start = time.perf_counter()
    answers(net, x, "native", threads)
    return time.perf_counter() - start


def main() -> None:
    torch.manual_seed(0)
    make, _ = MODELS["LTC, AutoNCP of 19"]
    random = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = ltc2neuro.compile(make().eval(), random.uniform(-1, 1, (4, 16, 8)))
    print(f"{cpu()}\n")
    print("| sequences x steps | one thread | two | times |\n|---|---|---|---|")
    for steps in STEPS:
        x = random.uniform(-1, 1, (BATCH, steps, 8)).astype(np.float32)
        seconds(net, x, 1)
        each = [(seconds(net, x, 1), seconds(net, x, 2)) for _ in range(ROUNDS)]
        one, two = (1e3 * min(found) for found in zip(*each, strict=True))
        print(f"| {BATCH} x {steps} | {one:.2f} ms | {two:.2f} ms | {one / two:.2f} |", flush=True)


if __name__ == "__main__":
    main()
