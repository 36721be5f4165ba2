"""Cells of ncps.keras: an LTC's sub-steps as one repeated block, and the cell behind a mixed memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import keras
import numpy as np
import torch
from ncps.keras import LTCCell, MixedMemoryRNN

from hw_models.errors import TraceError
from ltc2neuro.frontends.keras.cells import AnyCell, Cell, States, flat
from ltc2neuro.nn.recurrence import repeat
from ltc2neuro.tracing.layers.ncps import hull, refuse_weights

_ADVICE = (
    "fit() keeps them positive by the weights' constraints; after steps of your own, and now: "
    "for v in model.weights: v.assign(v.constraint(v) if v.constraint else v)."
)
_ANEW = (
    "It was built while Keras tried out a model that is a class of its own. Make such a model anew, and its graph "
    "before it is called: functional = keras.Model(inputs, new.call(inputs)); "
    "functional.set_weights(model.get_weights())."
)


class LTC(Cell[keras.layers.Layer]):
    """`ncps.keras.LTCCell`: its own methods, with one unfold in a block that repeats."""

    state_names: tuple[str, ...]

    def __init__(self, cell: LTCCell, path: str) -> None:
        super().__init__(cell)
        held = {name: getattr(p, "value", p) for name, p in cell._params.items()}
        if any(each.is_meta for each in held.values()):
            raise TraceError("an LTC has lost its wiring: Keras computes as if it had none", where=path, advice=_ANEW)
        tensors = {name: each.detach().cpu() for name, each in held.items()}
        seen = _like(cell, _params=tensors, _ode_unfolds=cell._ode_unfolds)
        refuse_weights(seen, path, _ADVICE)
        low, high = hull(seen, np.zeros(cell.state_size))
        self.state_names = ("v",)
        self._bounds = ((torch.from_numpy(low), torch.from_numpy(high)),)

    def forward(self, x: torch.Tensor, state: torch.Tensor | States) -> tuple[torch.Tensor, torch.Tensor | States]:
        """A sample: all unfolds."""
        cell, (start,) = cast(LTCCell, self.operation), flat(state)
        once = _like(cell, _params=cell._params, _ode_unfolds=1)
        part = 1.0 / cell._ode_unfolds
        with self.own_weights():
            inputs = cell._map_inputs(x)
            v = repeat(lambda v: LTCCell._ode_solver(once, inputs, v, part), start, cell._ode_unfolds)
            return cell._map_outputs(v), v


class MixedMemory(Cell[keras.layers.Layer]):
    """`ncps.keras.MixedMemoryRNN`: its own LSTM, whose output is the input of the `inner` cell."""

    state_names: tuple[str, ...]

    def __init__(self, cell: MixedMemoryRNN, inner: AnyCell) -> None:
        super().__init__(cell, [cell.input_kernel, cell.recurrent_kernel, cell.bias])
        self.inner = inner
        self.state_names = ("c", *inner.state_names)
        self._bounds = (None, *inner.state_bounds(1.0))

    def called(self, x: torch.Tensor, *states: torch.Tensor) -> States:
        """The input and the states of the inner cell, and between them the new memory."""
        cell = cast(MixedMemoryRNN, self.operation)
        names = ("input_kernel", "recurrent_kernel", "bias", "forget_gate_bias")
        lstm = SimpleNamespace(**{n: getattr(cell, n) for n in names}, rnn_cell=lambda x, states: (x, states))
        return flat(MixedMemoryRNN.call(cast(MixedMemoryRNN, lstm), x, self.packed(states)))

    def forward(self, x: torch.Tensor, state: torch.Tensor | States) -> tuple[torch.Tensor, torch.Tensor | States]:
        """A step of the LSTM, then one of the cell."""
        x, memory, *states = self.run(x, *flat(state))
        y, after = self.inner(x, states[0] if len(states) == 1 else tuple(states))
        return y, (memory, *flat(after))


def _like(cell: LTCCell, **others: object) -> LTCCell:
    """What the solver, and the checks of ncps's torch cell, read of a cell. Its conductances are what they are."""
    view = SimpleNamespace(**others, _epsilon=cell._epsilon, _sigmoid=cell._sigmoid, make_positive_fn=lambda w: w)
    return cast(LTCCell, view)


__all__ = ["LTC", "MixedMemory"]
