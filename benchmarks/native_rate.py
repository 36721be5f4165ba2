"""How fast machine code runs networks, against torch, onnxruntime and the reference in the same run.

    python -m benchmarks.native_rate [--threads]

Rates are sample-steps a second of the CPU time of one thread, the best of several runs, so that other work on the
machine counts little; they include what `net.run` does besides, and the answers as real numbers. Two threads are
measured by the clock, and need two idle CPUs; with `--threads` nothing else is.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import platform
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP, Random

import ltc2neuro
from compiler.running.executor import Job
from ltc2neuro.network import Network

SECONDS = 0.5
"""How long each is tried."""
FIRST = "LTC, AutoNCP of 19"
"""What two threads run"""
ROUNDS, BATCH, STEPS = 25, 512, (50, 100, 400)
MODELS: dict[str, tuple[Callable[[], torch.nn.Module], tuple[tuple[int, int], ...]]] = {
    FIRST: (lambda: LTC(8, AutoNCP(19, 1)), ((1, 1000), (32, 100), (256, 50))),
    "LTC of 32, full": (lambda: LTC(8, 32), ((1, 200), (256, 20))),
    "CfC of 32": (lambda: CfC(8, 32), ((1, 1000), (256, 50))),
    "LTC of 1,000, sparse": (lambda: LTC(8, Random(1000, 10, sparsity_level=0.98)), ((32, 3),)),
}


def cpu() -> str:
    """Its name and, since virtual machines hide that, its model, and the widest vectors that it has."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    said = dict(reversed([line.replace("\t", "").split(": ", 1) for line in lines if ": " in line]))
    if "model name" not in said:
        return platform.processor()
    vectors = next((name for name in ("avx512f", "avx2") if name in said["flags"].split()), "no AVX2")
    return f"{said['model name']} (family {said['cpu family']}, model {said['model']}, {vectors})"


def compiled(model: torch.nn.Module, random: np.random.Generator) -> Network:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ltc2neuro.compile(model, random.uniform(-1, 1, (4, 16, 8)))


def rate(run: Callable[[], object], steps: int) -> float:
    """Sample-steps a second, of the fastest run."""
    run()
    best, end = float("inf"), time.thread_time() + SECONDS
    while (start := time.thread_time()) < end:
        run()
        best = min(best, time.thread_time() - start)
    return steps / best


def answers(net: Network, x: np.ndarray, on: str, threads: int | None = None) -> object:
    """Of `net`, in the model's units."""
    return net.run(x, on, threads=threads).outputs


@torch.no_grad()
def eager(model: torch.nn.Module, x: torch.Tensor) -> None:
    model(x)


@torch.no_grad()
def stepwise(cell: Callable, x: torch.Tensor, size: int) -> None:
    """A cell step by step."""
    state = torch.zeros(len(x), size)
    for t in range(x.shape[1]):
        _, state = cell(x[:, t], state, 1.0)


def closed_loop(net: Network, samples: np.ndarray) -> str:
    """What a sample of a stream takes, and what the kernel alone does in a long run."""
    stream, job = net.stream(on="native"), Job(np.asarray(net.quantize(samples[None])), threads=1)
    run = net.parts.runners.on(net.parts.executor("native"))

    def steps() -> None:
        for sample in samples:
            stream.step(sample)

    each, kernel = (1e6 / rate(f, len(samples)) for f in (steps, partial(run, job)))
    return f"{each:.1f} us a sample, {each - kernel:.1f} of them above the kernel's"


def thousands(rate: float, eager: float) -> str:
    """A rate, and how many times torch eager's."""
    each = f"{rate / 1e3:,.1f}" if rate >= 50 else "< 0.05"
    return f"{each} ({rate / eager:.3g} x)"


def rates() -> None:
    """Print those of one thread, and what a sample of a stream takes."""
    print("One thread; thousands of sample-steps a second of its CPU time, how many times torch eager's:\n")
    print("| network | batch x steps | native | torch eager | torch.compile | onnxruntime | reference |")
    print("|---|---|---|---|---|---|---|")
    loops = []
    for name, (make, shapes) in MODELS.items():
        torch.manual_seed(0)
        model, random = make().eval(), np.random.default_rng(0)
        net = compiled(model, random)
        fast = torch.compile(model.rnn_cell)
        for batch, steps in shapes:
            x = random.uniform(-1, 1, (batch, steps, 8)).astype(np.float32)
            tensor = torch.as_tensor(x)

            runs = (
                partial(answers, net, x, "native", threads=1),
                partial(eager, model, tensor),
                partial(stepwise, fast, tensor, model.state_size),
                partial(answers, net, x, "onnx"),
                partial(answers, net, x, "reference"),
            )
            found = [rate(run, batch * steps) for run in runs]
            cells = [thousands(each, found[1]) for each in found]
            print(f"| {name} | {batch} x {steps} | {' | '.join(cells)} |", flush=True)
        loops.append(f"- {name}: {closed_loop(net, random.uniform(-0.5, 0.5, (1000, 8)))}")
    print("\nClosed loops, `net.stream().step`:\n", *loops, "", sep="\n")


def seconds(net: Network, x: np.ndarray, threads: int) -> float:
    """What a run takes, with the answers as real numbers."""
    start = time.perf_counter()
    answers(net, x, "native", threads)
    return time.perf_counter() - start


def two_threads() -> None:
    """Print what they gain: the best of several runs of each, in turn."""
    torch.manual_seed(0)
    make, _ = MODELS[FIRST]
    random = np.random.default_rng(0)
    net = compiled(make().eval(), random)
    print(f"{FIRST}, by the clock:\n\n| sequences x steps | one thread | two | times |\n|---|---|---|---|")
    for steps in STEPS:
        x = random.uniform(-1, 1, (BATCH, steps, 8)).astype(np.float32)
        seconds(net, x, 1)
        each = [(seconds(net, x, 1), seconds(net, x, 2)) for _ in range(ROUNDS)]
        one, two = (1e3 * min(found) for found in zip(*each, strict=True))
        print(f"| {BATCH} x {steps} | {one:.2f} ms | {two:.2f} ms | {one / two:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", action="store_true", help="two threads against one, and nothing else")
    only = parser.parse_args().threads
    torch.set_num_threads(1)
    print(f"{cpu()}\n")
    if not only:
        rates()
    two_threads()


if __name__ == "__main__":
    main()
