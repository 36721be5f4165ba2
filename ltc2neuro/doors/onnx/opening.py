"""From a file to the module that is handed out: read, put in order, made, proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from hw_models.errors import InputError
from ltc2neuro.doors.onnx.examples import of_sequence, of_step
from ltc2neuro.doors.onnx.graph import Array, Graph
from ltc2neuro.doors.onnx.modules import cell_of, sequential_of
from ltc2neuro.doors.onnx.proof import prove_sequence, prove_step
from ltc2neuro.doors.onnx.reading import read
from ltc2neuro.doors.onnx.roles import answer_of, listed, step_of
from ltc2neuro.nn.recurrence import Recurrent


def opened(path: Path, states: Mapping[str, str], output: str | None) -> torch.nn.Module:
    """The module of an ONNX file, proved."""
    graph = read(path)
    features = None if states else _features(graph)
    if features is None:
        step = step_of(graph, states, output)
        cell = cell_of(step, [_tensors(of_step(step, rows)) for rows in (2, 3)])
        prove_step(path, step, cell)
        return Recurrent(cell)
    graph = replace(graph, outputs=(answer_of(graph, states, output),))
    module = sequential_of(graph, [_tensors(of_sequence(graph, features, size)) for size in ((2, 3), (3, 5))])
    prove_sequence(path, graph, features, module)
    return module


def _tensors(inputs: Mapping[str, Array]) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in inputs.values()]


def _features(graph: Graph) -> int | None:
    """Of a graph over whole sequences how many features a sample has; None of other graphs."""
    shape = graph.shape(graph.inputs[0]) if len(graph.inputs) == 1 else None
    if shape is None or len(shape) < 3:
        return None
    if len(shape) > 3 or shape[2] is None:
        raise InputError(
            "a sequence has the shape (batch, time, features)",
            numbers=listed(graph, graph.inputs),
            advice="Export the model with a fixed number of features, each sample flat.",
        )
    return shape[2]
