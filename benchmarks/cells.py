"""How far the integers are from torch for every cell, on `loihi2`, at four settings of `Precision`; and what it costs.

    python benchmarks/cells.py [--weights FOLDER] [--only WORD] [--out docs/fidelity.md]

Each network is trained for seconds on half-cheetah or digits (`cell_models.py`). The truth of outputs and states is
the float graph in float64, which compile has proved against torch; the metric's truth is torch itself.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from cell_models import MODELS, CellModel, score
from tasks import MissingDataError, Task

import ltc2neuro
from compiler.backends.float_graph import run_float
from ltc2neuro import Precision
from ltc2neuro.metrics import sqnr
from ltc2neuro.network import Network

CALIBRATION = 64
"""Training sequences that compile sees"""
TESTED = 128
"""Test sequences of which SQNR is taken"""
SETTINGS: dict[str, Precision | str] = {
    "default": "default",
    "calibrated": Precision(calibrated_weights=True),
    "split": Precision(split_weights=True),
    "accurate": "accurate",
}
GOALS = {"default": (40, 38), "calibrated": (45, 43), "split": (55, 55), "accurate": (72, 65)}
"""Of matrix-vector cells: dB of the worst state, and of the outputs"""
CONDUCTANCE_GOAL = 65
METRIC_GOAL = 0.01

TEXT = """# Fidelity of every cell

SQNR on `loihi2`, state / output in dB, against the float network, on {tested} test sequences; of several states the
worst. Made by `python benchmarks/cells.py --out docs/fidelity.md`, which trains each network for seconds on real data:
half-cheetah (predict the next observation; mean squared error) or digits (read row by row; accuracy). {units} units.

- **default**: 8-bit synapses, a factor a neuron, signs in two connections
- **calibrated**: `Precision(calibrated_weights=True)`, weights rounded for the least error over the calibration data
- **split**: `Precision(split_weights=True)`, a second matrix holds what rounding took
- **accurate**: `precision="accurate"`, weights and messages split

A number in bold misses its goal: {goals} (default, calibrated, split, accurate) for cells of matrices, and
{conductance} for cells whose synapses are conductances. Their states meet no such
weights; their outputs do, in the readout's matrix, which alone is what the settings change there.

| cell | task | {settings} |
|---|---|{dashes}|
{fidelity}

What the default costs, and whether the task is still done. Compile time is that of a machine with other work, one
thread, the proof of the trace included; a change of accuracy is in points, of an error relative.

| cell | task | compile | neurons | synapses | ticks a sample | torch | integers | change |
|---|---|---|---|---|---|---|---|---|
{costs}
"""


@dataclass(frozen=True)
class Measured:
    """What was found of one network."""

    cell: CellModel
    state_db: dict[str, float]
    output_db: dict[str, float]
    seconds: float
    neurons: int
    synapses: int
    ticks: int
    metric: str
    torch_score: float
    integer_score: float

    @property
    def change(self) -> float:
        """Of the metric at the default: relative for a mean squared error, absolute for accuracy."""
        change = self.integer_score - self.torch_score
        return change / self.torch_score if self.metric == "mse" else change

    def goal(self, setting: str) -> tuple[float, float]:
        """dB for state and output."""
        return (CONDUCTANCE_GOAL, CONDUCTANCE_GOAL) if self.cell.conductances else GOALS[setting]

    def held(self) -> bool:
        """Whether every goal is."""
        return abs(self.change) <= METRIC_GOAL and all(
            self.state_db[s] >= self.goal(s)[0] and self.output_db[s] >= self.goal(s)[1] for s in self.state_db
        )


def decibels(net: Network, x: np.ndarray) -> tuple[float, float]:
    """SQNR of the worst state and of the outputs."""
    run, truth = net.run(x), run_float(net.float_graph, x)
    pairs = ((truth.states[s.name], np.asarray(run.states[s.name]) * net.state_lsb(s.name)) for s in net.graph.states)
    worst = min(sqnr([exact], [found]) for exact, found in pairs)
    return worst, sqnr([truth.outputs], [np.asarray(run.outputs)])


def measure(cell: CellModel, task: Task, weights: Path | None, settings: Iterable[str]) -> Measured:
    """Compile on training sequences at every setting, run test sequences on both sides."""
    model = cell.trained(task, weights)
    x = task.x_test[:TESTED]
    nets, states, outputs, seconds = {}, {}, {}, 0.0
    for setting in settings:
        start = time.perf_counter()
        nets[setting] = ltc2neuro.compile(model, task.x_train[:CALIBRATION], precision=SETTINGS[setting])
        seconds = seconds or time.perf_counter() - start
        states[setting], outputs[setting] = decibels(nets[setting], x)
    net = next(iter(nets.values()))
    mapped = net.mapped()
    with torch.no_grad():
        exact = model(torch.from_numpy(task.x_test)).numpy()
    return Measured(
        cell,
        states,
        outputs,
        seconds,
        sum(p.size for p in mapped.populations),
        sum(c.weights.size for c in mapped.connections),
        mapped.ticks_per_sample,
        task.metric,
        score(task, exact),
        score(task, np.asarray(net(task.x_test))),
    )


def _level(value: float, goal: float) -> str:
    return f"{value:.1f}" if value >= goal else f"**{value:.1f}**"


def fidelity_row(m: Measured) -> str:
    """Its line in the first table."""
    levels = [
        f"{_level(m.state_db[s], m.goal(s)[0])} / {_level(m.output_db[s], m.goal(s)[1])}" for s in m.state_db
    ]
    return f"| {' | '.join([m.cell.name, m.cell.task.__name__, *levels])} |"


def cost_row(m: Measured) -> str:
    """Its line in the second table."""
    points = m.metric == "accuracy"
    scores = [f"{100 * s:.2f} %" if points else f"{s:.5f}" for s in (m.torch_score, m.integer_score)]
    change = f"{100 * m.change:+.2f} {'points' if points else '%'}"
    change = change if abs(m.change) <= METRIC_GOAL else f"**{change}**"
    counts = [f"{m.seconds:.1f} s", str(m.neurons), str(m.synapses), str(m.ticks)]
    return f"| {' | '.join([m.cell.name, m.cell.task.__name__, *counts, *scores, change])} |"


def page(found: Sequence[Measured], units: int) -> str:
    """docs/fidelity.md."""
    return TEXT.format(
        tested=TESTED,
        units=units,
        goals=", ".join(f"{state} / {output}" for state, output in GOALS.values()),
        conductance=CONDUCTANCE_GOAL,
        settings=" | ".join(SETTINGS),
        dashes="|".join(["---"] * len(SETTINGS)),
        fidelity="\n".join(map(fidelity_row, found)),
        costs="\n".join(map(cost_row, found)),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Fidelity and cost of every cell.")
    parser.add_argument("--weights", type=Path, help="keep trained weights here, and take them from here")
    parser.add_argument("--only", default="", help="only cells whose name has this in it")
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--out", type=Path, help="write the page here")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # that a state has no proven bound is no news here
    found = []
    for cell in MODELS:
        if arguments.only not in cell.name:
            continue
        try:
            found.append(measure(cell, cell.task(), arguments.weights, arguments.settings))
        except MissingDataError as error:
            print(f"{cell.name} skipped: {error}")
            continue
        print(fidelity_row(found[-1]), f"{100 * found[-1].change:+.2f} %", flush=True)
    if arguments.out is not None:
        arguments.out.write_text(page(found, MODELS[0].size), encoding="utf-8")
    return 0 if all(m.held() for m in found) else 1


if __name__ == "__main__":
    sys.exit(main())
