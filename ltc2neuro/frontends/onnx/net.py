"""A graph as a `torch.nn.Module`: a module for each node, so that values, refusals and the proof have its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import torch

from compiler.graph.names import unique
from ltc2neuro.frontends.onnx.ops import rule_of
from ltc2neuro.frontends.onnx.ops.graph import Array, Graph, Node, Operation, Repeat, TokenTable
from ltc2neuro.frontends.onnx.ops.rule import naming
from ltc2neuro.nn.recurrence import repeat

Tensors: TypeAlias = tuple[torch.Tensor, ...]
ModuleOf: TypeAlias = Callable[[Operation], torch.nn.Module]


class OnnxModule(torch.nn.Module):
    """Computes a graph; how it is called is said by its subclasses.

    Constants are parameters where they are arrays of floats, so that they can be trained on, and buffers else.
    """

    def __init__(self, graph: Graph, module_of: ModuleOf) -> None:
        super().__init__()
        self._inputs, self._outputs = graph.inputs, graph.outputs
        given = [*graph.constants, *(node.name for node in graph.nodes)]
        names = unique(map(_as_attribute, given), {*vars(self), *dir(type(self))})
        self._constants = dict(zip(graph.constants, names, strict=False))
        for name, array in graph.constants.items():
            self._register(self._constants[name], array)
        self._calls: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []
        for name, node in zip(names[len(graph.constants) :], graph.nodes, strict=True):
            self.add_module(name, module_of(node))
            self._calls.append((name, node.name, node.inputs, node.outputs))

    def _register(self, name: str, array: Array) -> None:
        tensor = torch.from_numpy(np.array(array))
        if tensor.is_floating_point() and tensor.dim():
            self.register_parameter(name, torch.nn.Parameter(tensor))
        else:
            self.register_buffer(name, tensor)

    def constants(self) -> dict[str, torch.Tensor]:
        """The constants, as they are now, by their names in the graph."""
        return {name: getattr(self, attribute) for name, attribute in self._constants.items()}

    def computed(self, inputs: Iterable[torch.Tensor]) -> Tensors:
        """The graph's outputs, from its inputs in their order."""
        values: dict[str, torch.Tensor | None] = {"": None, **self.constants()}
        values |= zip(self._inputs, inputs, strict=True)
        for module, name, takes, gives in self._calls:
            with naming(name):
                result = self.get_submodule(module)(*(values[i] for i in takes))
            values |= zip(gives, result if isinstance(result, tuple) else (result,), strict=False)
        return tuple(value for name in self._outputs if (value := values[name]) is not None)


class OnnxCall(torch.nn.Module):
    """One call of an operator that has a rule."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node

    def forward(self, *inputs: torch.Tensor | None) -> torch.Tensor | Tensors:
        """What the rule computes."""
        return rule_of(self.node)(self.node, *inputs)


def table_of(table: TokenTable) -> torch.nn.Embedding:
    """The rows that tokens select."""
    return torch.nn.Embedding.from_pretrained(torch.from_numpy(np.array(table.weight)), freeze=False)


class OnnxRepeat(OnnxModule):
    """A block that runs several times."""

    times: int = 1

    def __init__(self, node: Repeat, module_of: ModuleOf) -> None:
        super().__init__(node.block, module_of)
        self.times, self._states = node.times, node.states

    def forward(self, *inputs: torch.Tensor) -> Tensors:
        """What the last run returns."""
        start, fixed = inputs[: self._states], inputs[self._states :]
        if len(start) == 1:
            return (repeat(lambda value: self.computed((value, *fixed))[0], start[0], self.times),)
        return repeat(lambda values: self.computed((*values, *fixed)), start, self.times)


def _as_attribute(name: str) -> str:
    """A name that a module's attribute can have: torch forbids the dot, and our own begin with an underscore."""
    return name.strip("/_").replace(".", "_") or "value"
