"""How long a user waits: `compile`, `check`, a cost, `import ltc2neuro`, and `ltc2neuro --help`.

python benchmarks/compile_time.py
"""

import importlib
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from ncps.torch import LTC
from ncps.wirings import AutoNCP, Wiring
from table import held, show

import ltc2neuro
from ltc2neuro.network import Network

IMPORT_SECONDS = "import numpy, time; start = time.perf_counter(); import ltc2neuro; print(time.perf_counter() - start)"


def compiled(wiring: Wiring) -> Network:
    """An LTC with 8 inputs, the proof run included."""
    torch.manual_seed(0)
    return ltc2neuro.compile(LTC(8, wiring), np.random.default_rng(0).uniform(-1, 1, (16, 32, 8)))


def seconds(act: Callable[[], object]) -> float:
    """What one call takes."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def import_seconds() -> float:
    """What `import ltc2neuro` adds to NumPy's, in a fresh interpreter."""
    run = subprocess.run([sys.executable, "-c", IMPORT_SECONDS], capture_output=True, text=True, check=True)
    return float(run.stdout)


def help_seconds() -> float:
    """`ltc2neuro --help` as a shell sees it."""
    program = Path(sys.executable).with_name("ltc2neuro")
    start = time.perf_counter()
    subprocess.run([program, "--help"], capture_output=True, check=True)
    return time.perf_counter() - start


def main() -> int:
    torch.set_num_threads(1)
    for module in ("ltc2neuro.compilation.pipeline", "ltc2neuro.tracing"):
        importlib.import_module(module)  # imports are no part of a compilation's time
    small = AutoNCP(19, 1)
    large = AutoNCP(302, 30, sparsity_level=0.8)
    found = [
        ("compile AutoNCP(19, 1)", seconds(lambda: compiled(small)), 1.0),
        ("compile AutoNCP(302, 30)", seconds(lambda: compiled(large)), 5.0),
    ]
    net = compiled(small)
    found += [
        ("check AutoNCP(19, 1), best of 3", min(seconds(lambda: ltc2neuro.check(net)) for _ in range(3)), 0.2),
        ("its placement and cost, best of 3", min(seconds(replace(net).cost) for _ in range(3)), 0.2),
        ("import ltc2neuro after NumPy, best of 5", min(import_seconds() for _ in range(5)), 0.15),
        ("ltc2neuro --help, best of 5", min(help_seconds() for _ in range(5)), 0.4),
    ]
    show(
        ["what", "seconds", "goal", ""],
        [[what, f"{taken:.3f}", f"< {goal}", held(taken < goal)] for what, taken, goal in found],
    )
    return 0 if all(taken < goal for _, taken, goal in found) else 1


if __name__ == "__main__":
    sys.exit(main())
