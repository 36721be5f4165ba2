"""The module of an ONNX model is compared with a stranger's runtime on the file itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from hw_models.arrays import Floats
from hw_models.errors import BUG, ProofError
from ltc2neuro.frontends.onnx.examples import of_sequences, of_step
from ltc2neuro.frontends.onnx.foreign_runtime import answers
from ltc2neuro.frontends.onnx.ops.graph import Array, Graph
from ltc2neuro.frontends.onnx.roles import OnnxStep

ALLOWED = 1e-4
"""of the largest value, or of 1"""
ROWS = 8
LEADING = (3, 4)


def prove_step(path: Path, step: OnnxStep, cell: torch.nn.Module) -> None:
    """Compare one step of `cell`, from random samples and states."""
    inputs = of_step(step, ROWS)
    with torch.no_grad():
        x, *states = (torch.from_numpy(inputs[name]) for name in step.graph.inputs[: 1 + len(step.sizes)])
        y, new = cell(x, states[0] if len(states) == 1 else tuple(states))
    found = (y, *((new,) if isinstance(new, torch.Tensor) else new))
    declared = (step.graph.shape(step.graph.inputs[0]) or (None,))[0]
    compare(path, inputs, step.graph.outputs, [tensor.numpy() for tensor in found], declared or len(x))


def prove_sequences(path: Path, graph: Graph, module: torch.nn.Module) -> None:
    """Compare `module` over random sequences."""
    inputs = of_sequences(graph, LEADING)
    with torch.no_grad():
        y = module(*map(torch.from_numpy, inputs.values()))
    answers = y.values() if isinstance(y, dict) else (y,)
    rows = max(len(x) for x in inputs.values())
    compare(path, inputs, graph.outputs, [answer.numpy() for answer in answers], rows)


def compare(
    path: Path, inputs: Mapping[str, Array], outputs: Sequence[str], found: Sequence[Floats], rows: int
) -> None:
    """Compare `found`, what the module made of `inputs`, with what a runtime makes of them, `rows` at a time.

    Raises `ProofError`, and `InputError` where no runtime runs the file.
    """
    names = list(dict.fromkeys(outputs))
    starts = range(0, max(len(array) for array in inputs.values() if array.ndim), rows)
    parts = [{n: a[start : start + rows] if a.ndim else a for n, a in inputs.items()} for start in starts]
    found_there = answers(path, names, parts)
    for name, own in zip(outputs, found, strict=True):
        wanted = np.concatenate([answer[names.index(name)] for answer in found_there])
        limit = ALLOWED * max(1.0, float(np.abs(wanted).max(initial=0.0)))
        same = own.shape == wanted.shape
        if not same or not np.allclose(own, wanted, rtol=0.0, atol=limit, equal_nan=True):
            apart = f"{np.abs(own - wanted).max():.3g}" if same else f"in shape: {own.shape} and {wanted.shape}"
            raise ProofError(
                "the module does not compute what the ONNX model does",
                where=f"{path}, {name}",
                numbers=f"the difference is {apart}; {limit:.3g} is allowed",
                advice=BUG,
            )
