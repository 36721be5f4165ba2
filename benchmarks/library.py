"""Networks without microcode compared with those with it: how accurate, what they cost; Lava against their reference.

    python benchmarks/library.py [--weights FOLDER] [--out docs/without-microcode.md]

SQNR is that of the worst channel, of what varies, over all test sequences and steps, against the float graph in
float64, which compile has proved against torch. The trained LTCs are those of the examples; the other cells are trained
for seconds.
"""

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small matrices: threads would only wait for each other

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from cell_models import MODELS
from library_page import TEXT
from tasks import MissingDataError, Task, digits
from trained import TRAINED

import ltc2neuro
from compiler.library_processes.process_graph import Kind
from ltc2neuro import LibraryForm, LibraryNetwork, Reciprocal
from ltc2neuro.comparison import Comparison

CELLS = ("ncps CfC, default", "ncps CfC, no_gate", "ncps CfC, pure", "nn.RNN", "CTRNN, 1993", "CTRNN, paper")
FORMS = {
    "8 hinges": LibraryForm(hinges=8),
    "12 hinges": LibraryForm(hinges=12),
    "**16 hinges, the default**": LibraryForm(),
    "24 hinges": LibraryForm(hinges=24),
    "32 hinges": LibraryForm(hinges=32),
    "16 hinges, weights of 8 bits": LibraryForm(split_weights=False),
    "16 hinges, 32 of 1/D": LibraryForm(reciprocal=Reciprocal.HINGES),
    "32 hinges, 64 of 1/D": LibraryForm(hinges=32, reciprocal=Reciprocal.HINGES, reciprocal_hinges=64),
}
CALIBRATION = 256
"""Training sequences that compile sees"""
GOAL_DB, GOAL_POINTS = 40.0, 0.01
ON_LAVA = 3
"""sequences of the digits that run in Lava"""


@dataclass(frozen=True)
class Subject:
    """A network that is measured."""

    name: str
    model: Callable[[], torch.nn.Module]
    task: Callable[[], Task]


def subjects(weights: Path | None) -> list[Subject]:
    """The examples' LTCs, then a cell of each kind."""
    found = [Subject(f"LTC, {t.name.removesuffix('_ltc')}", t.model, t.task) for t in TRAINED]
    for cell in MODELS:
        if cell.name in CELLS:
            name = f"{cell.name.removeprefix('ncps ')}, {cell.task.__name__}"
            found.append(Subject(name, lambda c=cell: c.trained(c.task(), weights), cell.task))
    return found


def measure(model: torch.nn.Module, task: Task, form: LibraryForm) -> tuple[LibraryNetwork, Comparison]:
    """Both networks on the whole test set."""
    calibration = task.x_train[:CALIBRATION]
    default = ltc2neuro.compile(model, calibration)
    library = ltc2neuro.compile(model, calibration, microcode=False, form=form)
    return library, ltc2neuro.compare(default, library, task.x_test, task.y_test, task.metric)


def worst_state(states: dict[str, float]) -> str:
    return f"{min(states.values()):.1f}" if states else "none"


def error_row(name: str, c: Comparison) -> str:
    """SQNR and the metric, microcode / library."""
    one, two = c.default, c.library
    points = c.metric_name == "accuracy"
    scores = [f"{100 * s:.2f} %" if points else f"{s:.5f}" for s in (c.metric_float, one.metric, two.metric)]
    cells = [name, f"{one.outputs_db:.1f} / {two.outputs_db:.1f}"]
    cells.append(f"{worst_state(one.states_db)} / {worst_state(two.states_db)}")
    return f"| {' | '.join([*cells, scores[0], f'{scores[1]} / {scores[2]}'])} |"


def cost_row(name: str, c: Comparison) -> str:
    """Cost, microcode / library."""
    one, two = c.default, c.library
    pairs = [
        f"{getattr(one, k):,} / {getattr(two, k):,}" for k in ("neurons", "synapses", "processes", "ticks_per_sample")
    ]
    return f"| {' | '.join([name, *pairs])} |"


def form_row(name: str, net: LibraryNetwork, c: Comparison) -> str:
    two = c.library
    cells = [f"{two.outputs_db:.1f}", worst_state(two.states_db), f"{100 * (two.metric or 0):.2f} %"]
    hinges = sum(p.size for p in net.processes.populations.values() if p.kind is Kind.HINGES)
    costs = [f"{n:,}" for n in (hinges, two.synapses, two.processes, two.ticks_per_sample)]
    return f"| {' | '.join([name, *cells, *costs])} |"


def on_lava(net: LibraryNetwork, task: Task) -> tuple[bool, float]:
    """Whether Lava returns the reference's integers, outputs and states after every sample; seconds."""
    x = task.x_test[:ON_LAVA]
    expected, started = net.run(x), time.perf_counter()
    got = net.run(x, on="lava")
    seconds = time.perf_counter() - started
    same = np.array_equal(expected.integers, got.integers)
    return same and all(np.array_equal(expected.states[n], got.states[n]) for n in expected.states), seconds


def main() -> int:
    parser = argparse.ArgumentParser(description="Networks without microcode: error and cost.")
    parser.add_argument("--weights", type=Path, help="keep trained weights here, and take them from here")
    parser.add_argument("--out", type=Path, help="write the page here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # states without a proven bound are expected here
    errors, costs, forms = [], [], []
    for subject in subjects(arguments.weights):
        try:
            _, found = measure(subject.model(), subject.task(), LibraryForm())
        except MissingDataError as error:
            print(f"{subject.name} skipped: {error}")
            continue
        errors.append(error_row(subject.name, found))
        costs.append(cost_row(subject.name, found))
        print(errors[-1], costs[-1], sep="\n", flush=True)
    model, task, held, lava = TRAINED[0].model(), digits(), True, ""
    for name, form in FORMS.items():
        net, found = measure(model, task, form)
        forms.append(form_row(name, net, found))
        print(forms[-1], flush=True)
        if form == LibraryForm():
            same, seconds = on_lava(net, task)
            near = min(found.library.states_db.values()) >= GOAL_DB
            close = abs((found.library.metric or 0) - (found.metric_float or 0)) <= GOAL_POINTS
            held = same and near and close
            lava = f"{ON_LAVA} sequences of 8 samples in {seconds:.0f} s, {'equal' if same else 'DIFFERENT'}"
            print(f"digits LTC: states {found.library.states_db}, Lava: {lava}, goals {'held' if held else 'MISSED'}")
    if arguments.out is not None:
        rows = {"errors": errors, "costs": costs, "forms": forms}
        page = TEXT.format(**{k: "\n".join(v) for k, v in rows.items()}, lava=lava)
        arguments.out.write_text(page, encoding="utf-8")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
