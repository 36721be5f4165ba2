"""The module of each operation of a graph, and of a whole graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from hw_models.errors import InputError
from ltc2neuro.frontends.onnx.cells import Sequential, SeveralSequences, StepCell, TimedStepCell
from ltc2neuro.frontends.onnx.freeing import freed
from ltc2neuro.frontends.onnx.fusing import fused
from ltc2neuro.frontends.onnx.layers import lowered, needed
from ltc2neuro.frontends.onnx.net import OnnxCall, OnnxRepeat, table_of
from ltc2neuro.frontends.onnx.observing import observed
from ltc2neuro.frontends.onnx.ops.graph import Graph, Layer, Operation, Over, Repeat, TokenTable
from ltc2neuro.frontends.onnx.recurrent import Layered, Scanned
from ltc2neuro.frontends.onnx.rerolling import reroll
from ltc2neuro.frontends.onnx.roles import OnnxStep, step_of
from ltc2neuro.frontends.onnx.unrolled import refuse_unrolled

Examples = Sequence[Sequence[torch.Tensor]]


def cell_of(step: OnnxStep, examples: Examples) -> StepCell:
    """The cell of a step; `examples` are inputs of different sizes, where these are free."""
    return _cell(replace(step, graph=observed(lowered(step.graph), examples)))


def sequential_of(graph: Graph, examples: Examples, *, keyed: bool) -> Sequential:
    """The module of a graph over whole sequences; `keyed`: its answers come by their names.

    Raises `TraceError` for a loop that is written out.
    """
    graph = lowered(graph)
    try:
        graph = observed(graph, examples)
    except InputError:  # it may declare any number of steps, and yet have a loop over one number of them
        refuse_unrolled(graph)
        raise
    refuse_unrolled(graph)
    return (SeveralSequences if graph.inputs[1:] else Sequential)(_rewritten(graph), module_of, keyed=keyed)


def module_of(operation: Operation) -> torch.nn.Module:
    """The module of one operation."""
    if isinstance(operation, Repeat):
        return OnnxRepeat(operation, module_of)
    if isinstance(operation, Layer):
        return Layered(operation)
    if isinstance(operation, TokenTable):
        return table_of(operation)
    if isinstance(operation, Over):
        graph = operation.step
        states = dict(zip(graph.inputs[1:], graph.outputs[1:], strict=True))
        return Scanned(operation, _cell(step_of(graph, states, graph.outputs[0])))
    return OnnxCall(operation)


def _cell(step: OnnxStep) -> StepCell:
    step = replace(step, graph=_rewritten(step.graph))
    return (TimedStepCell if step.elapsed else StepCell)(step, module_of)


def _rewritten(graph: Graph) -> Graph:
    inside = (replace(n, block=_rewritten(n.block)) if isinstance(n, Repeat) else n for n in graph.nodes)
    return reroll(needed(fused(freed(replace(graph, nodes=tuple(inside))))))
