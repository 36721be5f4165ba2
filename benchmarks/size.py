"""Memory and time of large networks: over image sizes, and over LTC units from 19 to 1,000.

    python benchmarks/size.py [--only WORD] [--threads N]

Each network is traced, proved, compiled for `loihi2`, placed, its cost told, printed, saved, loaded and run, in a
process of its own, so that its peak memory is its own. Seconds are those of the processor: on one thread, what a clock
shows on an idle machine. `everything` includes `compile`. A network that no chip holds is told so at compile, and its
placement is tried on as many chips as it takes.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from table import held, show

MINUTES, GIGABYTES = 120.0, 4.0
"""Of the whole way of an Atari-sized network, and of any other one"""
STEPS, SEQUENCES = 3, 2


@dataclass(frozen=True)
class Point:
    """A network that is measured; `seconds` is the goal of compile alone."""

    kind: str
    size: int
    seconds: float = MINUTES

    @property
    def name(self) -> str:
        """As the table has it."""
        return {
            "image": f"4 x {self.size} x {self.size} frames, convolutions, CfC(64)",
            "sparse": f"LTC, AutoNCP({self.size}, {outputs(self.size)})",
            "full": f"LTC, FullyConnected({self.size}, {outputs(self.size)})",
        }[self.kind]


POINTS = (
    *(Point("image", side) for side in (36, 60, 84, 112)),
    *(Point("sparse", units, 5.0 if units <= 302 else MINUTES) for units in (19, 64, 302, 1000)),
    *(Point("full", units) for units in (19, 64, 302, 1000)),
)


def outputs(units: int) -> int:
    """Motor neurons of an LTC: a tenth."""
    return max(1, units // 10)


def model_of(point: Point):
    """The network, untrained, and its number of inputs."""
    import torch
    from ncps.torch import LTC, CfC
    from ncps.wirings import AutoNCP, FullyConnected
    from torch import nn

    torch.manual_seed(0)
    if point.kind != "image":
        wiring = (
            AutoNCP(point.size, outputs(point.size), sparsity_level=0.8)
            if point.kind == "sparse"
            else FullyConnected(point.size, outputs(point.size))
        )
        return LTC(8, wiring).eval(), 8
    side = point.size

    class Player(nn.Module):
        """The usual three convolutions of the Atari games, a layer of 512, a CfC of 64, and a head."""

        def __init__(self) -> None:
            super().__init__()
            layers = (nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU())
            self.seen = nn.Sequential(*layers, nn.Conv2d(64, 64, 3, 1), nn.ReLU(), nn.Flatten())
            features = self.seen(torch.zeros(1, 4, side, side)).shape[1]
            self.joined, self.rnn, self.head = nn.Linear(features, 512), CfC(512, 64), nn.Linear(64, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            frames = x.reshape(-1, 4, side, side)
            features = torch.relu(self.joined(self.seen(frames)))
            return self.head(self.rnn(features.reshape(x.shape[0], x.shape[1], 512))[0])

    return Player().eval(), 4 * side * side


def measure(point: Point) -> dict[str, float]:
    """All of it, in this process."""
    import torch

    import ltc2neuro
    from ltc2neuro.errors import PlacementError

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model, features = model_of(point)
    x = np.random.default_rng(0).uniform(0, 1, (SEQUENCES, STEPS, features)).astype(np.float32)
    ltc2neuro.compile(torch.nn.GRU(2, 2, batch_first=True), np.ones((2, 3, 2)))  # imports are no part of the time
    start = time.process_time()
    net = ltc2neuro.compile(model, x)
    compiled = time.process_time() - start
    chips = 1
    while True:
        chip = ltc2neuro.load_chip("loihi2", chips=chips)
        try:
            cores = net.cost(chip=chip).placement.count
            break
        except PlacementError:
            chips *= 2
    text = str(net)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.l2n"
        net.save(path)
        again = ltc2neuro.load(path)
    assert text and np.array_equal(np.asarray(again(x)), np.asarray(net(x)))
    mapped = net.mapped()
    return {
        "inputs": features,
        "neurons": mapped.neurons,
        "synapses": mapped.synapses,
        "cores": cores,
        "compile": compiled,
        "everything": time.process_time() - start,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def apart(point: Point, threads: int) -> dict[str, float]:
    """`measure` in a process of its own."""
    run = subprocess.run(
        [sys.executable, __file__, "--point", point.kind, str(point.size)],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(run.stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description="Memory and time of large networks.")
    parser.add_argument("--only", default="", help="only networks whose name has this in it")
    parser.add_argument("--threads", type=int, default=1, help="of torch and BLAS")
    parser.add_argument("--point", nargs=2, metavar=("KIND", "SIZE"), help="measure one network in this process")
    arguments = parser.parse_args()
    if arguments.point:
        warnings.simplefilter("ignore")  # of long sums, and that it is too large for one chip: both are known here
        print(json.dumps(measure(Point(arguments.point[0], int(arguments.point[1])))))
        return 0
    rows, missed = [], False
    for point in POINTS:
        if arguments.only not in point.name:
            continue
        found = apart(point, arguments.threads)
        good = found["compile"] < point.seconds and found["everything"] < MINUTES and found["peak"] < GIGABYTES
        missed |= not good
        counts = [f"{found[key]:,.0f}" for key in ("inputs", "neurons", "synapses", "cores")]
        times = [f"{found[key]:.1f}" for key in ("compile", "everything", "peak")]
        rows.append([point.name, *counts, *times, f"{point.seconds:g} / {MINUTES:g} / {GIGABYTES:g}", held(good)])
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    header = ["network", "inputs", "neurons", "synapses", "cores", "compile s", "everything s", "peak GB", "goals", ""]
    show(header, rows)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
