"""Cells of ncps.keras: an LTC's sub-steps as one repeated block, and the cell behind a mixed memory."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from ncps.keras import LTCCell, MixedMemoryRNN

from ltc2neuro.doors.keras.cells import Cell, States, flat
from ltc2neuro.nn.recurrence import repeat
from ltc2neuro.nn.states import Bound
from ltc2neuro.tracing.layers.ncps import hull, refuse_weights

_ADVICE = (
    "fit() keeps them positive by the weights' constraints; after steps of your own, and now: "
    "for v in model.weights: v.assign(v.constraint(v) if v.constraint else v)."
)


class LTC(Cell):
    """`ncps.keras.LTCCell`: its own methods, with one unfold in a block that repeats."""

    def __init__(self, cell: LTCCell, path: str) -> None:
        super().__init__(cell)
        self.state_names = ("v",)
        seen = _seen(cell)
        refuse_weights(seen, path, _ADVICE)
        low, high = hull(seen, np.zeros(cell.state_size))
        self._bounds = ((torch.from_numpy(low), torch.from_numpy(high)),)

    def forward(self, x: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A sample: all unfolds."""
        cell = self.operation
        unfolds = cell._ode_unfolds
        once = SimpleNamespace(
            _params=cell._params, _epsilon=cell._epsilon, _ode_unfolds=1, _sigmoid=cell._sigmoid
        )
        with self.own_weights():
            inputs = cell._map_inputs(x)
            v = repeat(lambda v: LTCCell._ode_solver(once, inputs, v, 1.0 / unfolds), state, unfolds)
            return cell._map_outputs(v), v


class MixedMemory(Cell):
    """`ncps.keras.MixedMemoryRNN`: its own LSTM, whose output is the input of the `inner` cell."""

    def __init__(self, cell: MixedMemoryRNN, inner: Cell) -> None:
        super().__init__(cell, [cell.input_kernel, cell.recurrent_kernel, cell.bias])
        self.inner = inner
        self.state_names = ("c", *inner.state_names)
        self._bounds = (None, *inner.state_bounds(1.0))

    def called(self, x: torch.Tensor, *states: torch.Tensor) -> States:
        """The input and the states of the inner cell, and between them the new memory."""
        cell = self.operation
        lstm = SimpleNamespace(
            input_kernel=cell.input_kernel, recurrent_kernel=cell.recurrent_kernel, bias=cell.bias,
            forget_gate_bias=cell.forget_gate_bias, rnn_cell=lambda x, states: (x, states),
        )  # fmt: skip
        return flat(MixedMemoryRNN.call(lstm, x, self.packed(states)))

    def forward(self, x: torch.Tensor, state: States) -> tuple[torch.Tensor, States]:
        """A step of the LSTM, then one of the cell."""
        x, memory, *states = self.run(x, *state)
        y, after = self.inner(x, states[0] if len(states) == 1 else tuple(states))
        return y, (memory, *flat(after))


def _seen(cell: LTCCell) -> SimpleNamespace:
    """The cell as the checks of ncps's torch cell read one: its conductances are what they are."""
    tensors = {name: getattr(p, "value", p).detach().cpu() for name, p in cell._params.items()}
    return SimpleNamespace(
        _params=tensors, _epsilon=cell._epsilon, _ode_unfolds=cell._ode_unfolds, make_positive_fn=lambda w: w
    )


__all__ = ["LTC", "MixedMemory"]
