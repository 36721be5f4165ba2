"""How graphs are called: one of a step as a cell under `ltc2neuro.nn.Recurrent`, others with whole sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from ltc2neuro.doors.onnx.means import state_bounds
from ltc2neuro.doors.onnx.net import ModuleOf, Net
from ltc2neuro.doors.onnx.roles import Step
from ltc2neuro.nn.states import Bound

State = torch.Tensor | tuple[torch.Tensor, ...]


class StepCell(Net):
    """One step of an ONNX model: from the input (batch, features) and the states (batch, size)."""

    input_size: int = 0
    state_size: tuple[int, ...] = ()
    state_names: tuple[str, ...] = ()

    def __init__(self, step: Step, module_of: ModuleOf) -> None:
        super().__init__(step.graph, module_of)
        self.input_size = step.features
        self.state_size = step.sizes
        self.state_names = step.states
        self._step = replace(step, graph=replace(step.graph, constants={}))

    def forward(self, x: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """The answer and the new states."""
        return self._stepped(x, state)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """Where each state stays, with the weights as they are; None where nothing is proven."""
        return state_bounds(self._step, self.constants())

    def _stepped(self, x: torch.Tensor, state: State, *elapsed: torch.Tensor) -> tuple[torch.Tensor, State]:
        states = (state,) if isinstance(state, torch.Tensor) else state
        y, *new = self.computed((x, *states, *elapsed))
        return y, new[0] if len(new) == 1 else tuple(new)


class TimedStepCell(StepCell):
    """A step that is told the time since the last one."""

    def __init__(self, step: Step, module_of: ModuleOf) -> None:
        super().__init__(step, module_of)
        shape = step.graph.shape(step.graph.inputs[-1])
        self._scalar = shape == ()

    def forward(self, x: torch.Tensor, state: State, elapsed: torch.Tensor | float = 1.0) -> tuple[torch.Tensor, State]:
        """The answer and the new states; `elapsed` is a number, or (batch, 1)."""
        if not isinstance(elapsed, torch.Tensor):
            elapsed = x.new_full(() if self._scalar else (x.shape[0], 1), elapsed)
        return self._stepped(x, state, elapsed)


class Sequential(Net):
    """A graph over whole sequences."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Its answer to `x` (batch, time, features), or (time, batch, features) where the model reads that."""
        return self.computed((x,))[0]
