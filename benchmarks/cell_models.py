"""The networks of `cells.py`: a cell of each kind, a linear readout, real data, and a short training."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from ncps.torch import CfC
from ncps.wirings import AutoNCP
from safetensors.torch import load_file, save_file
from tasks import Task, cheetah, digits
from torch import nn

from ltc2neuro.nn import (
    CTGRU,
    CTRNN,
    GRUD,
    GRUODE,
    LIF,
    LTCSE,
    ODELSTM,
    ODERNN,
    ConductanceCircuit,
    LiquidLIF,
    NeuralODE,
    PaperLTC,
    PaperLTCCell,
    ResidualRNN,
)

UNITS = 24
EPOCHS = 12
RATE = 1e-2

Layer = Callable[[int], nn.Module]


class Reader(nn.Module):
    """A recurrent layer and a linear readout: at every step, or at the last one."""

    def __init__(self, layer: nn.Module, size: int, outputs: int, last: bool) -> None:
        super().__init__()
        self.layer, self.head, self.last = layer, nn.Linear(size, outputs), last

    def forward(self, x: torch.Tensor, timespans: torch.Tensor | None = None) -> torch.Tensor:
        """(batch, time, features) -> (batch, time, outputs), or (batch, outputs) at the last step."""
        y = self.head((self.layer(x) if timespans is None else self.layer(x, timespans=timespans))[0])
        return y[:, -1] if self.last else y


def thinned() -> Task:
    """Digits of which six of the eight rows are there, and how many rows each comes after the one before."""
    whole = digits()
    rng = np.random.default_rng(0)

    def some(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = np.sort(np.argsort(rng.random(x.shape[:2]), axis=1)[:, :6], axis=1)
        timespans = np.diff(rows, axis=1, prepend=-1).astype(np.float32)
        return np.take_along_axis(x, rows[..., None], axis=1), timespans

    x_train, timespans_train = some(whole.x_train)
    x_test, timespans_test = some(whole.x_test)
    return replace(
        whole, x_train=x_train, x_test=x_test, timespans_train=timespans_train, timespans_test=timespans_test
    )


@dataclass(frozen=True)
class CellModel:
    """A network that is measured: its layer, made for a number of features, and the task it learns."""

    name: str
    layer: Layer
    task: Callable[[], Task]
    conductances: bool = False
    """a conductance for each synapse, as an LTC has; the other cells are matrices and functions of their sums"""
    size: int = UNITS
    """how many features the layer answers with"""

    @property
    def slug(self) -> str:
        """The name, as a file may have it."""
        kept = "".join(c if c.isalnum() else "-" for c in self.name.lower())
        return f"{kept}-{self.task.__name__}"

    def build(self, task: Task) -> Reader:
        """The network before training, always from the same seed."""
        torch.manual_seed(0)
        last = task.metric == "accuracy"
        outputs = 10 if last else task.y_test.shape[-1]
        return Reader(self.layer(task.x_train.shape[-1]), self.size, outputs, last)

    def trained(self, task: Task, folder: Path | None) -> Reader:
        """The network trained, or with the weights that an earlier training left in `folder`."""
        model = self.build(task)
        kept = None if folder is None else folder / f"{self.slug}.safetensors"
        if kept is not None and kept.exists():
            model.load_state_dict(load_file(kept))
            return model.eval()
        train(model, task)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            save_file({key: value.contiguous() for key, value in model.state_dict().items()}, kept)
        return model.eval()


def train(model: nn.Module, task: Task, batch: int = 64) -> None:
    """Train in place with Adam and a one-cycle rate."""
    loss_of = nn.CrossEntropyLoss() if task.metric == "accuracy" else nn.MSELoss()
    x, y = torch.from_numpy(task.x_train), torch.from_numpy(task.y_train)
    inputs = [x] if task.timespans_train is None else [x, torch.from_numpy(task.timespans_train)]
    steps = -(-len(x) // batch)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, epochs=EPOCHS, steps_per_epoch=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(batch):
            optimiser.zero_grad()
            loss_of(model(*(i[rows] for i in inputs)), y[rows]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            for module in model.modules():
                if isinstance(module, PaperLTCCell):
                    module.constrain()


def score(task: Task, answers: np.ndarray) -> float:
    """The task's metric: accuracy (0..1) or mean squared error."""
    if task.metric == "accuracy":
        return float(np.mean(answers.argmax(-1) == task.y_test))
    return float(np.mean((answers - task.y_test) ** 2))


def _wired(features: int) -> CfC:
    return CfC(features, AutoNCP(UNITS + 12, UNITS // 2))


MODELS = (
    CellModel("ncps CfC, default", lambda n: CfC(n, UNITS), cheetah),
    CellModel("ncps CfC, default", lambda n: CfC(n, UNITS), digits),
    CellModel("ncps CfC, no_gate", lambda n: CfC(n, UNITS, mode="no_gate"), cheetah),
    CellModel("ncps CfC, no_gate", lambda n: CfC(n, UNITS, mode="no_gate"), digits),
    CellModel("ncps CfC, pure", lambda n: CfC(n, UNITS, mode="pure"), cheetah),
    CellModel("ncps CfC, pure", lambda n: CfC(n, UNITS, mode="pure"), digits),
    CellModel("ncps CfC, AutoNCP", _wired, cheetah, size=UNITS // 2),
    CellModel("ncps CfC, AutoNCP", _wired, digits, size=UNITS // 2),
    CellModel("ncps CfC, mixed memory", lambda n: CfC(n, UNITS, mixed_memory=True), digits),
    CellModel("nn.RNN", lambda n: nn.RNN(n, UNITS, batch_first=True), cheetah),
    CellModel("nn.LSTM", lambda n: nn.LSTM(n, UNITS, batch_first=True), cheetah),
    CellModel("nn.LSTM", lambda n: nn.LSTM(n, UNITS, batch_first=True), digits),
    CellModel("nn.GRU", lambda n: nn.GRU(n, UNITS, batch_first=True), cheetah),
    CellModel("nn.GRU", lambda n: nn.GRU(n, UNITS, batch_first=True), digits),
    CellModel("CTRNN, 1993", lambda n: CTRNN(n, UNITS), digits),
    CellModel("CTRNN, paper", lambda n: CTRNN(n, UNITS, variant="paper"), digits),
    CellModel("LTCSE, alpha 0.5", lambda n: LTCSE(n, UNITS, alpha=0.5), cheetah),
    CellModel("LTCSE, 2023", lambda n: LTCSE(n, UNITS, variant="2023"), digits),
    CellModel("LTCSE, explicit", lambda n: LTCSE(n, UNITS, solver="explicit", alpha=0.5, allow_growth=True), digits),
    CellModel("LTCSE, rk4", lambda n: LTCSE(n, UNITS, solver="rk4", alpha=2.0, allow_growth=True), digits),
    CellModel("NeuralODE", lambda n: NeuralODE(n, UNITS, time_scale=0.6), digits),
    CellModel("ODERNN", lambda n: ODERNN(n, UNITS), digits),
    CellModel("GRUODE", lambda n: GRUODE(n, UNITS), digits),
    CellModel("ODELSTM", lambda n: ODELSTM(n, UNITS), digits),
    CellModel("CTGRU", lambda n: CTGRU(n, UNITS), digits),
    CellModel("CTGRU, published", lambda n: CTGRU(n, UNITS, variant="published"), digits),
    CellModel("GRUD", lambda n: GRUD(n, UNITS), digits),
    CellModel("ResidualRNN", lambda n: ResidualRNN(n, UNITS), digits),
    CellModel("PaperLTC, semi-implicit", lambda n: PaperLTC(n, UNITS), digits, conductances=True),
    CellModel("PaperLTC, explicit", lambda n: PaperLTC(n, UNITS, solver="explicit"), digits, conductances=True),
    CellModel("PaperLTC, rk4", lambda n: PaperLTC(n, UNITS, solver="rk4"), digits, conductances=True),
    CellModel("ConductanceCircuit", lambda n: ConductanceCircuit(n, UNITS), digits, conductances=True),
)

TIMED = (
    CellModel("GRUD, time spans", lambda n: GRUD(n, UNITS), thinned),
    CellModel("ODERNN, time spans", lambda n: ODERNN(n, UNITS), thinned),
)
"""With the time before each sample as an input"""

SPIKING = (
    CellModel("LIF", lambda n: LIF(n, UNITS), digits),
    CellModel("LiquidLIF", lambda n: LiquidLIF(n, UNITS), digits),
)
"""Their layers answer with spikes, 0 or 1"""
