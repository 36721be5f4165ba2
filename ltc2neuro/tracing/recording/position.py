"""Where the model is that is being recorded: in which module, in which torch function, for names and messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch

from hw_models.errors import TraceError
from ltc2neuro.tracing.recording.constant_names import function_name
from ltc2neuro.tracing.recording.hidden_layers import ADVICE, HiddenLayerError, hidden_layer
from ltc2neuro.tracing.recording.source import user_line


class Position:
    """The module and the torch function that are being executed; `modules` are paths by the modules' identities."""

    def __init__(self, modules: Mapping[int, str]) -> None:
        self._modules = modules
        self._paths: list[str] = [""]
        self._doing: list[str] = []

    @property
    def path(self) -> str:
        """The path of the module that is being executed, `#2` after it at its second call."""
        return self._paths[-1]

    @property
    def operation(self) -> str:
        """The torch function that the model has called, for messages."""
        return f"the operation {self._doing[0]}" if self._doing else "the model"

    @contextmanager
    def doing(self, func: Callable[..., object]) -> Iterator[None]:
        """Execute a torch function."""
        self._doing.append(function_name(func))
        try:
            yield
        finally:
            self._doing.pop()

    def path_of(self, module: torch.nn.Module) -> str:
        """The path of a module, where the model first has it."""
        return self._modules[id(module)]

    @contextmanager
    def inside(self, path: str) -> Iterator[None]:
        """Execute the module at `path`."""
        self._paths.append(path)
        try:
            yield
        finally:
            self._paths.pop()

    def named(self, name: str) -> str:
        """`name` after the path of the module that is being executed."""
        return f"{self.path}.{name}" if self.path else name

    def refusal(self, what: str, advice: str, numbers: str = "") -> TraceError:
        """The error for something at the user's current line, or for a layer that torch does not know of."""
        hidden = hidden_layer(self._modules)
        if hidden is not None:
            what, advice = f"{hidden} is not part of the model as torch knows it: {what}", ADVICE
        kind = TraceError if hidden is None else HiddenLayerError
        line = user_line()
        module = f"module {self.path!r}" if self.path else "the model"
        return kind(what, where=f"{module}, {line}" if line else module, numbers=numbers, advice=advice)
