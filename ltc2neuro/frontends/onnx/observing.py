"""The shapes of a graph's values, seen while it runs on examples: a file's own words about them are not trusted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch

from ltc2neuro.frontends.onnx.net import table_of
from ltc2neuro.frontends.onnx.ops import rule_of
from ltc2neuro.frontends.onnx.ops.graph import Graph, Layer, Operation, Over, Repeat, Shape, TokenTable
from ltc2neuro.frontends.onnx.ops.rule import naming
from ltc2neuro.frontends.onnx.recurrent import Layered

Tensors: TypeAlias = tuple[torch.Tensor, ...]
GraphPlace: TypeAlias = tuple[int, ...]
"""Of a graph in a graph: the numbers of the operations that lead there"""
SeenShapes: TypeAlias = dict[tuple[GraphPlace, str], tuple[int, ...]]


def observed(graph: Graph, examples: Iterable[Sequence[torch.Tensor]]) -> Graph:
    """`graph` with the shapes that its values have in all examples: None for an axis whose length differs."""
    first, *others = (_seen(graph, inputs) for inputs in examples)
    shapes = {key: _common([shape, *(other.get(key, shape) for other in others)]) for key, shape in first.items()}
    return _with(graph, shapes, ())


def _common(shapes: Sequence[tuple[int, ...]]) -> Shape:
    return tuple(sizes[0] if len({*sizes}) == 1 else None for sizes in zip(*shapes, strict=False))


def _with(graph: Graph, shapes: Mapping[tuple[GraphPlace, str], Shape], place: GraphPlace) -> Graph:
    def inside(number: int, operation: Operation) -> Operation:
        if isinstance(operation, Repeat):
            return replace(operation, block=_with(operation.block, shapes, (*place, number)))
        if isinstance(operation, Over):
            return replace(operation, step=_with(operation.step, shapes, (*place, number)))
        return operation

    own = {name: shape for (where, name), shape in shapes.items() if where == place}
    return replace(graph, shapes=own, nodes=tuple(inside(*item) for item in enumerate(graph.nodes)))


def _seen(graph: Graph, inputs: Sequence[torch.Tensor]) -> SeenShapes:
    found: SeenShapes = {}
    with torch.no_grad():
        _run(graph, inputs, (), found)
    return found


def _run(graph: Graph, inputs: Sequence[torch.Tensor], place: GraphPlace, found: SeenShapes) -> Tensors:
    values: dict[str, torch.Tensor | None] = {"": None}
    values |= {name: torch.from_numpy(np.array(array)) for name, array in graph.constants.items()}
    values |= zip(graph.inputs, inputs, strict=True)
    for number, operation in enumerate(graph.nodes):
        arguments = [values[name] for name in operation.inputs]
        with naming(operation.name):
            result = _result(operation, arguments, (*place, number), found)
        values |= zip(operation.outputs, result, strict=False)
    found |= {(place, name): tuple(v.shape) for name, v in values.items() if v is not None}
    return tuple(value for name in graph.outputs if (value := values[name]) is not None)


def _result(
    operation: Operation, arguments: list[torch.Tensor | None], place: GraphPlace, found: SeenShapes
) -> Tensors:
    if isinstance(operation, Layer):
        return Layered(operation)(*arguments)
    if isinstance(operation, TokenTable):
        return (table_of(operation)(*arguments),)
    if isinstance(operation, (Repeat, Over)):
        given = [value for value in arguments if value is not None]
        if isinstance(operation, Repeat):
            return _run(operation.block, given, place, found)
        steps = given[0].unbind(operation.input_axis)
        y, *states = _run(operation.step, (steps[0], *given[1:]), place, found)
        return torch.stack([y] * len(steps), operation.output_axis), *states
    result = rule_of(operation)(operation, *arguments)
    return result if isinstance(result, tuple) else (result,)
