"""A torch module from a Keras model: its layers in its own order, each recurrent one as a `Recurrent`."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeGuard, TypeVar

import keras
import torch

from ltc2neuro.frontends.keras.cells import AnyCell, Cell, flat
from ltc2neuro.frontends.keras.keras_modules import Called, Dense, NotCopied
from ltc2neuro.frontends.keras.unsupported import below, check, check_graph, masked
from ltc2neuro.nn.recurrence import Recurrent

Kind = TypeVar("Kind")


def module_of(operation: keras.Operation, path: str = "") -> torch.nn.Module:
    """What computes a Keras model, layer or operation in torch. Raises `TraceError` for what cannot be compiled."""
    check(operation, path)
    if isinstance(operation, keras.Sequential):
        return LayerChain(operation.layers, path)
    if is_graph(operation):
        return Walk(operation, path)
    if isinstance(operation, keras.layers.RNN):
        check(operation.cell, below(path, "cell"))
        return Recurrent(cell_of(operation.cell, below(path, "cell")), operation.return_sequences)
    if isinstance(operation, keras.layers.TimeDistributed):
        return EachStep(operation, path)
    if isinstance(operation, keras.layers.Embedding):
        return torch.nn.Embedding.from_pretrained(torch.tensor(keras.ops.convert_to_numpy(operation.embeddings)))
    if type(operation) is keras.layers.Dense and not operation.lora_enabled:
        return Dense(operation)
    return Called(operation)


def is_graph(operation: object) -> TypeGuard[keras.Model]:
    """Whether it is a functional model."""
    return isinstance(operation, keras.Model) and hasattr(operation, "operations")


def inputs_of(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """The inputs of a functional model by their names, in the order in which they were written."""
    if isinstance(model.input, dict) and all(isinstance(each, keras.KerasTensor) for each in model.input.values()):
        return model.input
    return {each._keras_history.operation.name: each for each in model.inputs}


def in_its_order(model: keras.Model, given: Mapping[str, Kind]) -> list[Kind]:
    """What is given by the names of the inputs, in the order in which Keras has them: that of `model.inputs`."""
    names = {id(each): name for name, each in inputs_of(model).items()}
    return [given[names[id(each)]] for each in model.inputs]


def whole(model: keras.layers.Layer) -> torch.nn.Module:
    """What computes a model, or a layer that is used as one."""
    return module_of(model) if isinstance(model, keras.Model) else LayerChain([model], "")


def cell_of(cell: keras.layers.Layer, path: str) -> AnyCell:
    """A cell for `Recurrent`."""
    if type(cell).__module__.partition(".")[0] != "ncps":
        return Cell(cell)
    from ncps.keras import LTCCell, MixedMemoryRNN

    from ltc2neuro.frontends.keras import ncps_cells

    if type(cell) is LTCCell:
        return ncps_cells.LTC(cell, path)
    if type(cell) is MixedMemoryRNN:
        return ncps_cells.MixedMemory(cell, cell_of(cell.rnn_cell, below(path, "inner")))
    return Cell(cell)


class LayerChain(torch.nn.Module):
    """The layers of a `keras.Sequential`."""

    def __init__(self, layers: Sequence[keras.layers.Layer], path: str) -> None:
        super().__init__()
        self._layers = NotCopied(layers)
        self._names = _add(self, layers, path)

    def forward(self, x: torch.Tensor) -> object:
        """All layers, one after the other."""
        y: object = x
        for layer in self._layers.value:
            y = _called(layer, self.get_submodule(self._names[id(layer)]), y)
        return y


class Walk(torch.nn.Module):
    """A functional `keras.Model`, walked by Keras itself with a module in each operation's place."""

    argument_names: tuple[str, ...]

    def __init__(self, model: keras.Model, path: str) -> None:
        super().__init__()
        check_graph(model, path)
        self._graph = NotCopied(model)
        inner = [o for o in model.operations if not isinstance(o, keras.layers.InputLayer)]
        self._names = _add(self, inner, path)
        self.argument_names = tuple(inputs_of(model))

    def forward(self, *inputs: object, **named: object) -> object:
        """The model's graph; several outputs as a named tuple: all of them are answers, a layer's last state, too.

        Within another model one argument is all inputs, by their names or nested.
        """
        given = inputs[0] if len(inputs) == 1 else named or dict(zip(self.argument_names, inputs, strict=True))
        if isinstance(given, dict) and {*self.argument_names} <= {*given}:
            given = in_its_order(self._graph.value, given)

        def called(operation: keras.Operation) -> Callable[..., object]:
            return partial(_called, operation, self.get_submodule(self._names[id(operation)]))

        y = self._graph.value._run_through_graph(given, operation_fn=called)
        if isinstance(y, list):
            return y[0] if len(y) == 1 else namedtuple("Outputs", [f"y{n}" for n in range(len(y))])(*y)
        return y


def _add(parent: torch.nn.Module, operations: Sequence[keras.Operation], path: str) -> dict[int, str]:
    """Give `parent` a module for each operation, under its name in Keras; returns the names by identity."""
    names: dict[int, str] = {}
    for operation in operations:
        if id(operation) not in names:
            name = operation.name.replace(".", "_")
            while hasattr(parent, name):
                name += "_"
            parent.add_module(name, module_of(operation, below(path, name)))
            names[id(operation)] = name
    return names


def _called(operation: keras.Operation, module: torch.nn.Module, *args: object, **kwargs: object) -> object:
    """What an operation returns, computed by its module."""
    if any(mask is not None for mask in keras.tree.flatten(kwargs.pop("mask", None))):
        raise masked(operation)
    if not isinstance(operation, keras.layers.RNN):
        return module(*args, **(kwargs if isinstance(module, Called) else {}))
    x, *start = args
    start = kwargs.get("initial_state", start[0] if start else None)
    y, last = module(x, None if start is None else flat(start))
    return (y, *flat(last)) if operation.return_state else y


class EachStep(torch.nn.Module):
    """A `TimeDistributed` layer: what it wraps, for each row and step alone."""

    each: LayerChain

    def __init__(self, wrapper: keras.layers.TimeDistributed, path: str) -> None:
        super().__init__()
        self.each = LayerChain([wrapper.layer], below(path, "each"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Rows and steps side by side."""
        return self.each(x.flatten(0, 1)).unflatten(0, x.shape[:2])
