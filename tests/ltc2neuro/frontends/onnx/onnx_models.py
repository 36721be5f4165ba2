"""Models and steps that the tests of this folder write as ONNX files, with torch's own exporters."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from ncps.torch import LTC, CfC
from ncps.wirings import AutoNCP
from torch import nn

FEATURES = 2


class Stepped(nn.Module):
    """A cell of ncps, which returns its answer and its state."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x, h):
        return self.cell(x, h, 1.0)


class Timed(Stepped):
    def forward(self, x, h, elapsed):
        return self.cell(x, h, elapsed)


class Plain(Stepped):
    def forward(self, x, h):
        h = self.cell(x, h)
        return h, h


class Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTMCell(FEATURES, 8), nn.Linear(8, 3)

    def forward(self, x, h, c):
        h, c = self.cell(x, (h, c))
        return self.head(h), h, c


class Own(nn.Module):
    """A leaky cell, of which the answer is a part of the state."""

    def __init__(self) -> None:
        super().__init__()
        self.drive, self.tau = nn.Linear(FEATURES + 8, 8), nn.Parameter(torch.rand(8))

    def forward(self, x, h):
        h = h + torch.sigmoid(self.tau) * (torch.tanh(self.drive(torch.cat([x, h], -1))) - h)
        return h[:, :2], h


@dataclass(frozen=True)
class Model:
    """A step: its module, the sizes of its states, and their names going in and coming out."""

    module: nn.Module
    sizes: tuple[int, ...]
    states: dict[str, str]
    elapsed: bool = False


def model(name: str, seed: int = 0) -> Model:
    torch.manual_seed(seed)
    h = {"h": "h2"}
    if name == "ltc":
        return Model(Stepped(LTC(FEATURES, AutoNCP(19, 1, seed=1)).rnn_cell), (19,), {"v": "v2"})
    if name == "cfc":
        return Model(Stepped(CfC(FEATURES, 16, backbone_units=24).rnn_cell), (16,), h)
    if name == "timed cfc":
        return Model(Timed(CfC(FEATURES, 16, backbone_units=24).rnn_cell), (16,), h, elapsed=True)
    if name == "wired cfc":
        return Model(Stepped(CfC(FEATURES, AutoNCP(12, 2, seed=1)).rnn_cell), (12,), h)
    if name == "gru":
        return Model(Plain(nn.GRUCell(FEATURES, 8)), (8,), h)
    if name == "rnn":
        return Model(Plain(nn.RNNCell(FEATURES, 8)), (8,), h)
    if name == "lstm":
        return Model(Lstm(), (8, 8), {"h": "h2", "c": "c2"})
    return Model(Own(), (8,), h)


def export(step: Model, path: Path, *, dynamo: bool = False, opset: int = 17, batch: int | None = None) -> Path:
    """Write a step as torch does; the batch is free unless it is given."""
    rows = batch or 2
    samples = [torch.zeros(rows, FEATURES), *(torch.zeros(rows, size) for size in step.sizes)]
    inputs, outputs = ["x", *step.states], ["y", *step.states.values()]
    if step.elapsed:
        samples, inputs = [*samples, torch.ones(rows, 1)], [*inputs, "elapsed"]
    free = {} if batch else {name: {0: "batch"} for name in (*inputs, *outputs)}
    write(step.module, samples, path, inputs, outputs, free, dynamo=dynamo, opset=opset)
    return path


def write(
    module: nn.Module,
    samples: Sequence[torch.Tensor],
    path: Path,
    inputs: list[str],
    outputs: list[str],
    free: dict[str, dict[int, str]],
    *,
    dynamo: bool = False,
    opset: int = 17,
) -> None:
    shapes = None
    if dynamo:
        axes = {axis for axes in free.values() for axis in axes}
        dims = {axis: torch.export.Dim(f"axis{axis}") for axis in axes}
        shapes = tuple({axis: dims[axis] for axis in free.get(name, ())} for name in inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, about its exporters
        torch.onnx.export(
            module.eval(),
            tuple(samples),
            str(path),
            input_names=inputs,
            output_names=outputs,
            opset_version=opset,
            dynamo=dynamo,
            verbose=False,
            **({"dynamic_shapes": shapes, "external_data": False} if dynamo else {"dynamic_axes": free}),
        )


def stepped(path: Path, x: np.ndarray, step: Model) -> np.ndarray:
    """What onnxruntime answers, sample by sample, to `x` (batch, time, features)."""
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    states = {name: np.zeros((len(x), size), np.float32) for name, size in zip(step.states, step.sizes, strict=True)}
    more = {"elapsed": np.ones((len(x), 1), np.float32)} if step.elapsed else {}
    answers = []
    for t in range(x.shape[1]):
        found = dict(zip(names, session.run(names, {"x": x[:, t], **states, **more}), strict=True))
        states = {old: found[new] for old, new in step.states.items()}
        answers.append(found["y"])
    return np.stack(answers, 1)
