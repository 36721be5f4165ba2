"""`from_onnx`: an ONNX model as a torch module, to be compiled like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.running.extra import ONNX_FILES
from hw_models.arguments import check_path
from ltc2neuro.doors.onnx.rerolling import reroll
from ltc2neuro.extras import TORCH

if TYPE_CHECKING:
    import torch


def from_onnx(path: str | Path, states: Mapping[str, str] | None = None, output: str | None = None) -> torch.nn.Module:
    """The module of an ONNX model, which computes what the file says.

    A **step**, with a sample (batch, features) and states (batch, size) going in, an answer and new states coming out:
    `states` names the input and the output of each state, `{"h": "h2"}`, and the module is a `Recurrent`.
    """
    ONNX_FILES.require()
    TORCH.require()
    from ltc2neuro.doors.onnx.cells import cell_of
    from ltc2neuro.doors.onnx.proof import prove_step
    from ltc2neuro.doors.onnx.reading import read
    from ltc2neuro.doors.onnx.roles import step_of
    from ltc2neuro.nn.recurrence import Recurrent

    path = check_path(path)
    step = step_of(read(path), states or {}, output)
    cell = cell_of(replace(step, graph=reroll(step.graph)))
    prove_step(path, step, cell)
    return Recurrent(cell)
