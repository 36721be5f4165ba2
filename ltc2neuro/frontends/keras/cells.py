"""Keras's recurrent cells for `ltc2neuro.nn.Recurrent`: their own `call`, and what is known of their states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import keras
import torch

from ltc2neuro.frontends.keras.keras_modules import Held, NotCopied, at_inference, shipped
from ltc2neuro.frontends.keras.torch_calls import TorchCalls, written
from ltc2neuro.nn.states import Bound

States = tuple[torch.Tensor, ...]
Kind_co = TypeVar("Kind_co", bound=keras.layers.Layer, covariant=True)

WITHIN_ONE: Bound = (-1.0, 1.0)

_ROWS = 3
"""Of the batch on which a step is written down: a number that no size is likely to have"""


class Cell(Held[Kind_co]):
    """One step of a Keras cell: `(x, state)` to the output and the new state.

    Of cells that a package ships the torch calls are written down once; others are called, so that messages name the
    user's lines.
    """

    state_size: tuple[int, ...]
    state_names: tuple[str, ...]

    def __init__(self, cell: Kind_co, variables: Sequence[keras.Variable] | None = None) -> None:
        super().__init__(cell, variables)
        self.state_size = tuple(keras.tree.flatten(cell.state_size))
        names, bounds = known(cell)
        several = len(self.state_size) > 1
        self.state_names = names or tuple(f"h{n}" if several else "h" for n in range(len(self.state_size)))
        self._bounds = bounds or (None,) * len(self.state_size)
        self._program = NotCopied(self._written() if shipped(cell) else None)

    def state_bounds(self, _: float) -> Sequence[Bound | None]:
        """Where gates keep a state."""
        return self._bounds

    def forward(self, x: torch.Tensor, state: torch.Tensor | States) -> tuple[torch.Tensor, torch.Tensor | States]:
        """A step, as at inference."""
        y, *after = self.run(x, *flat(state))
        return y, after[0] if len(after) == 1 else tuple(after)

    def run(self, *given: torch.Tensor) -> States:
        """From the input and the states to what `called` returns."""
        program = self._program.value
        if program is not None:
            return program.run((*given, *self.weights))
        with self.own_weights():
            return self.called(*given)

    def called(self, x: torch.Tensor, *states: torch.Tensor) -> States:
        """The output and the new states by the cell's own `call`."""
        return flat(self.operation.call(x, self.packed(states), **at_inference(self.operation.call, {})))

    def packed(self, states: States) -> list[object]:
        """States as Keras nests them."""
        packed = keras.tree.pack_sequence_as(self.operation.state_size, states)
        return list(packed) if isinstance(packed, (list, tuple)) else [packed]

    def _written(self) -> TorchCalls | None:
        """The torch calls of a step."""
        built = self.operation.get_build_config()
        if built is None or "input_shape" not in built:
            return None
        sizes = (built["input_shape"][1:], *((n,) for n in self.state_size))
        dtype = self.weights[0].dtype if self.weights else torch.float32
        given = [torch.zeros(_ROWS, *size, dtype=dtype) for size in sizes]
        with self.own_weights():
            return written(lambda: self.called(*given), [*given, *self.weights])


AnyCell: TypeAlias = "Cell[keras.layers.Layer]"


def flat(states: object) -> States:
    """Tensors in nested lists, in order."""
    return tuple(keras.tree.flatten(states))


def known(cell: keras.layers.Layer) -> tuple[tuple[str, ...], tuple[Bound | None, ...]]:
    """Names of the cell's states and the interval that each stays in; nothing of a cell of the user's."""
    saturating = getattr(cell, "activation", None) is keras.activations.tanh
    gates = getattr(cell, "recurrent_activation", None)
    saturating &= gates in (None, keras.activations.sigmoid, keras.activations.hard_sigmoid)
    bound = WITHIN_ONE if saturating else None
    if type(cell) is keras.layers.LSTMCell:
        return ("h", "c"), (bound, None)
    if type(cell) in (keras.layers.GRUCell, keras.layers.SimpleRNNCell):
        return ("h",), (bound,)
    return (), ()
