"""The module of each operation of a graph, and of a whole graph."""

from __future__ import annotations

from dataclasses import replace

import torch

from hw_models.errors import InputError
from ltc2neuro.doors.onnx.cells import Sequential, StepCell, TimedStepCell
from ltc2neuro.doors.onnx.graph import Graph, Layer, Operation, Over, Repeat
from ltc2neuro.doors.onnx.layers import lowered
from ltc2neuro.doors.onnx.net import Call, Repeated
from ltc2neuro.doors.onnx.ops import RULES
from ltc2neuro.doors.onnx.recurrent import Layered, Scanned
from ltc2neuro.doors.onnx.rerolling import reroll
from ltc2neuro.doors.onnx.roles import Step, step_of


def cell_of(step: Step) -> StepCell:
    """The cell of a step."""
    step = replace(step, graph=reroll(lowered(step.graph)))
    return (TimedStepCell if step.elapsed else StepCell)(step, module_of)


def sequential_of(graph: Graph) -> Sequential:
    """The module of a graph over whole sequences."""
    return Sequential(reroll(lowered(graph)), module_of)


def module_of(operation: Operation) -> torch.nn.Module:
    """The module of one operation."""
    if isinstance(operation, Repeat):
        return Repeated(operation, module_of)
    if isinstance(operation, Layer):
        return Layered(operation)
    if isinstance(operation, Over):
        graph = operation.step
        states = dict(zip(graph.inputs[1:], graph.outputs[1:], strict=True))
        return Scanned(operation, cell_of(step_of(graph, states, graph.outputs[0])))
    if operation.op not in RULES:
        raise InputError(
            f"the operator {operation.op} is not supported",
            where=operation.name,
            advice="docs/onnx.md lists those that are. What depends on the input alone can be computed before the "
            "network, what comes last after it.",
        )
    return Call(operation)
