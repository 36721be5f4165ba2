"""Training, scoring, and keeping weights: what every training script of the examples does in the same way."""

from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from ncps.torch import LTCCell
from safetensors.torch import load_file, save_file
from tasks import Floats, Task
from torch import nn

Model = TypeVar("Model", bound=nn.Module)

WEIGHTS = Path(__file__).resolve().parent / "weights"


def train(model: nn.Module, task: Task, *, epochs: int, rate: float, batch: int = 64) -> None:
    """Train `model` in place with Adam and a one-cycle rate; every tenth epoch prints how it does."""
    loss_of = nn.CrossEntropyLoss() if task.metric == "accuracy" else nn.MSELoss()
    x, y = torch.from_numpy(task.x_train), torch.from_numpy(task.y_train)
    timespans = _tensor(task.timespans_train)
    steps = -(-len(x) // batch)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, epochs=epochs, steps_per_epoch=steps)
    for epoch in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            optimiser.zero_grad()
            loss = loss_of(outputs(model, x[rows], None if timespans is None else timespans[rows]), y[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            for module in model.modules():
                if isinstance(module, LTCCell):  # nothing where constraints are implicit, else no conductance below 0
                    module.apply_weight_constraints()
        if epoch % 10 == 9 or epoch == epochs - 1:
            found = score(model, task)
            print(f"epoch {epoch + 1:3d}  loss {loss.item():.4f}  test {task.metric} {found:.4f}", flush=True)


def outputs(model: nn.Module, x: torch.Tensor, timespans: torch.Tensor | None) -> torch.Tensor:
    """What `model` answers to `x`; the time spans are given to it where there are any."""
    return model(x)[0] if timespans is None else model(x, timespans=timespans)[0]


def _tensor(values: Floats | None) -> torch.Tensor | None:
    return None if values is None else torch.from_numpy(values)


def score(model: nn.Module, task: Task) -> float:
    """The task's metric on the test sequences: accuracy (0..1) or mean squared error."""
    with torch.no_grad():
        y = outputs(model, torch.from_numpy(task.x_test), _tensor(task.timespans_test)).numpy()
    if task.metric == "accuracy":
        return float(np.mean(y.argmax(-1) == task.y_test))
    return float(np.mean((y - task.y_test) ** 2))


def save(model: nn.Module, name: str) -> None:
    """Write the state dict to weights/<name>.safetensors, under torch's own keys."""
    WEIGHTS.mkdir(exist_ok=True)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, WEIGHTS / f"{name}.safetensors")


def load(model: Model, name: str) -> Model:
    """The model with the weights kept for `name`, in eval mode."""
    model.load_state_dict(load_file(WEIGHTS / f"{name}.safetensors"))
    return model.eval()
