"""How graphs are called: one of a step as a cell under `ltc2neuro.nn.Recurrent`, others with whole sequences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch

from compiler.graph.names import unique
from hw_models.errors import InputError
from ltc2neuro.frontends.onnx.net import ModuleOf, OnnxModule
from ltc2neuro.frontends.onnx.ops.graph import Graph
from ltc2neuro.frontends.onnx.roles import OnnxStep
from ltc2neuro.frontends.onnx.state_bounds import state_bounds
from ltc2neuro.nn.states import Bound
from ltc2neuro.tracing.calling.arguments import NamedArguments

State = torch.Tensor | tuple[torch.Tensor, ...]
TorchAnswer = torch.Tensor | dict[str, torch.Tensor]


class StepCell(OnnxModule):
    """One step of an ONNX model: from the input (batch, features) and the states (batch, size)."""

    input_size: int = 0
    state_size: tuple[int, ...] = ()
    state_names: tuple[str, ...] = ()

    def __init__(self, step: OnnxStep, module_of: ModuleOf) -> None:
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

    def __init__(self, step: OnnxStep, module_of: ModuleOf) -> None:
        super().__init__(step, module_of)
        shape = step.graph.shape(step.graph.inputs[-1])
        self._scalar = shape == ()

    def forward(self, x: torch.Tensor, state: State, elapsed: torch.Tensor | float = 1.0) -> tuple[torch.Tensor, State]:
        """The answer and the new states; `elapsed` is a number, or (batch, 1)."""
        if not isinstance(elapsed, torch.Tensor):
            elapsed = x.new_full(() if self._scalar else (x.shape[0], 1), elapsed)
        return self._stepped(x, state, elapsed)


class Sequential(OnnxModule):
    """A graph over whole sequences, with one answer or with several by their names."""

    def __init__(self, graph: Graph, module_of: ModuleOf, *, keyed: bool) -> None:
        super().__init__(graph, module_of)
        self._keyed, self._tokens = keyed, graph.tokens

    def forward(self, x: torch.Tensor) -> TorchAnswer:
        """Its answer to `x` (batch, time, ...), or (time, batch, ...) where the model reads that."""
        return self._answered((x,))

    def _answered(self, inputs: Sequence[torch.Tensor]) -> TorchAnswer:
        for name, x in zip(self._inputs, inputs, strict=True):
            if name in self._tokens and x.is_floating_point():
                raise InputError(
                    "tokens are expected", where=name, advice="Give an integer type, such as x.astype(np.int64)."
                )
        answers = self.computed(inputs)
        return dict(zip(self._outputs, answers, strict=True)) if self._keyed else answers[0]


class SeveralSequences(Sequential, NamedArguments):
    """A graph over several sequences."""

    argument_names: tuple[str, ...]

    def __init__(self, graph: Graph, module_of: ModuleOf, *, keyed: bool) -> None:
        super().__init__(graph, module_of, keyed=keyed)
        plain = (re.sub(r"\W", "_", name) for name in graph.inputs)
        self.argument_names = tuple(unique(name if name.isidentifier() else f"_{name}" for name in plain))

    def forward(self, /, *inputs: torch.Tensor, **named: torch.Tensor) -> TorchAnswer:
        """Its answer to all inputs, in their order or by their names."""
        missing = self.argument_names[len(inputs) :]
        if {*named} != {*missing} or len(inputs) > len(self.argument_names):
            raise InputError(
                "the model takes other inputs",
                numbers=f"{len(inputs)} in order{''.join(f', {name}' for name in named)}; they are "
                f"{', '.join(self.argument_names)}",
            )
        return self._answered((*inputs, *(named[name] for name in missing)))
