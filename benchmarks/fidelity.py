"""How far the integers are from torch, for every trained LTC of the examples, on `loihi2` at default precision.

    python benchmarks/fidelity.py

The truth is the ncps model in float64, stepped by hand so that its states are seen. SQNR is that of the worst channel,
10 log10(sum (x - mean x)^2 / sum (x - integer)^2) over all test sequences and steps.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from table import held, show

import ltc2neuro
from compiler.graph.ops import StateWrite
from ltc2neuro.metrics import sqnr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

from tasks import MissingDataError, Task
from trained import TRAINED, Trained

EACH_DB = 65
MEAN_DB = 75
MSE_CHANGE = 1e-3


@dataclass(frozen=True)
class Fidelity:
    """What was measured of one network."""

    name: str
    outputs_db: float
    states_db: float
    metric: str
    torch_score: float
    integer_score: float
    saturations: dict[str, int]
    state_saturations: int

    @property
    def change(self) -> float:
        """Of the metric: relative for a mean squared error, absolute for accuracy."""
        change = self.integer_score - self.torch_score
        return change / self.torch_score if self.metric == "mse" else change

    @property
    def passed(self) -> bool:
        """Whether this network alone holds the goals."""
        close = abs(self.change) <= (MSE_CHANGE if self.metric == "mse" else 0)
        return close and min(self.outputs_db, self.states_db) >= EACH_DB and not self.state_saturations


def torch_run(model: torch.nn.Module, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and states of an ncps LTC after every sample, (batch, time, size), in float64."""
    cell = model.double().rnn_cell
    sequence = torch.from_numpy(x).double()
    state = torch.zeros(len(x), cell.state_size, dtype=torch.float64)
    outputs, states = [], []
    with torch.no_grad():
        for t in range(x.shape[1]):
            output, state = cell(sequence[:, t], state)
            outputs.append(output)
            states.append(state)
    return torch.stack(outputs, 1).numpy(), torch.stack(states, 1).numpy()


def task_score(task: Task, outputs: np.ndarray) -> float:
    """The task's metric from the outputs at every step."""
    if task.metric == "accuracy":
        return float(np.mean(outputs[:, -1].argmax(-1) == task.y_test))
    return float(np.mean((outputs - task.y_test) ** 2))


def measure(trained: Trained) -> Fidelity:
    """Compile on the training sequences, run the test sequences on both sides."""
    task = trained.task()
    model = trained.model()
    net = ltc2neuro.compile(model, task.x_train)
    run = net.run(task.x_test)
    (name,) = run.states
    written = {net.parts.names.shown_name(op.x) for _, op in net.graph.ops() if isinstance(op, StateWrite)}
    outputs, states = torch_run(model, task.x_test)
    return Fidelity(
        trained.name,
        sqnr([outputs], [np.asarray(run.outputs)]),
        sqnr([states], [np.asarray(run.states[name]) * net.state_lsb(name)]),
        task.metric,
        task_score(task, outputs),
        task_score(task, run.outputs),
        run.saturations,
        sum(count for name, count in run.saturations.items() if name in written),
    )


def main() -> int:
    torch.set_num_threads(1)
    found: list[Fidelity] = []
    for trained in TRAINED:
        try:
            found.append(measure(trained))
        except MissingDataError as error:
            print(f"{trained.name} skipped: {error}")
    rows = [
        [
            f.name,
            f"{f.outputs_db:.1f}",
            f"{f.states_db:.1f}",
            f.metric,
            f"{f.torch_score:.5f}",
            f"{f.integer_score:.5f}",
            f"{100 * f.change:+.4f} %",
            ", ".join(f"{name}: {count}" for name, count in f.saturations.items()) or "none",
            held(f.passed),
        ]
        for f in found
    ]
    show(["network", "outputs dB", "states dB", "metric", "torch", "integers", "change", "saturations", "goals"], rows)
    outputs_db = float(np.mean([f.outputs_db for f in found]))
    states_db = float(np.mean([f.states_db for f in found]))
    mean_held = min(outputs_db, states_db) >= MEAN_DB
    print(f"mean: outputs {outputs_db:.1f} dB, states {states_db:.1f} dB; goal {MEAN_DB} dB: {held(mean_held)}")
    return 0 if mean_held and all(f.passed for f in found) else 1


if __name__ == "__main__":
    sys.exit(main())
