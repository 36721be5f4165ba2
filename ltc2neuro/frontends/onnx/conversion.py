"""From a file to the module that is handed out: read, put in order, made, proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from hw_models.errors import InputError
from ltc2neuro.frontends.onnx.examples import of_sequences, of_step
from ltc2neuro.frontends.onnx.modules import cell_of, sequential_of
from ltc2neuro.frontends.onnx.ops.graph import Array, Graph
from ltc2neuro.frontends.onnx.proof import prove_sequences, prove_step
from ltc2neuro.frontends.onnx.reading import read
from ltc2neuro.frontends.onnx.roles import answer_of, check_sequences, step_of
from ltc2neuro.nn.recurrence import Recurrent


def opened(path: Path, states: Mapping[str, str], output: str | list[str] | None) -> torch.nn.Module:
    """The module of an ONNX file, proved. Several outputs are answers by their names."""
    graph = read(path)
    if states or not _has_time(graph):
        if isinstance(output, list):
            raise InputError("a step has one answer", numbers=f"output = {output}", advice="Name one of them.")
        step = step_of(graph, states, output)
        cell = cell_of(step, [_tensors(of_step(step, rows)) for rows in (2, 3)])
        prove_step(path, step, cell)
        return Recurrent(cell)
    check_sequences(graph)
    keyed, wanted = isinstance(output, list), output if isinstance(output, list) else [output]
    graph = replace(graph, outputs=tuple(dict.fromkeys(answer_of(graph, states, one) for one in wanted)))
    module = sequential_of(graph, [_tensors(of_sequences(graph, size)) for size in ((2, 3), (3, 5))], keyed=keyed)
    prove_sequences(path, graph, module)
    return module


def _tensors(inputs: Mapping[str, Array]) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in inputs.values()]


def _has_time(graph: Graph) -> bool:
    """Whether an input is a whole sequence."""
    return any(len(graph.shape(name) or ()) > 2 - (name in graph.tokens) for name in graph.inputs)
