"""A Keras layer or operation in a torch module: its own `call` computes, on weights that torch knows of."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Generic, TypeVar

import keras
import torch

from ltc2neuro.tracing.recording.symbolic import symbols

Kept = TypeVar("Kept")
Operation_co = TypeVar("Operation_co", bound=keras.Operation, covariant=True)


class NotCopied(Generic[Kept]):
    """What copies of a module have in common. Keras copies a layer by saving and loading it, which changes some."""

    def __init__(self, value: Kept) -> None:
        self.value = value

    def __deepcopy__(self, _: object) -> NotCopied[Kept]:
        return self


class Held(torch.nn.Module, Generic[Operation_co]):
    """A Keras operation, with its floating weights as the module's parameters, under Keras's names.

    The Keras layer keeps its own: it is read here, and never changed.
    """

    hosts = True
    """Torch does not know of the Keras layer that runs in here."""

    def __init__(self, operation: Operation_co, variables: Sequence[keras.Variable] | None = None) -> None:
        super().__init__()
        self._held = NotCopied(operation)
        own = getattr(operation, "variables", ()) if variables is None else variables
        floating = [v for v in own if v.value.is_floating_point()]
        self._variables = NotCopied(floating)
        self._names: list[str] = []
        start = f"{getattr(operation, 'path', '')}/"
        for variable in floating:
            name = variable.path.removeprefix(start).replace("/", "_").replace(".", "_")
            while hasattr(self, name):
                name += "_"
            self._names.append(name)
            self.register_parameter(name, torch.nn.Parameter(variable.value.detach().cpu().clone()))

    @property
    def operation(self) -> Operation_co:
        """The Keras operation."""
        return self._held.value

    @property
    def weights(self) -> list[torch.Tensor]:
        """This module's own, in Keras's order."""
        return [getattr(self, name) for name in self._names]

    @contextmanager
    def own_weights(self) -> Iterator[None]:
        """While in it, Keras computes with this module's weights, in whatever type they are."""
        scope = keras.StatelessScope()
        scope.state_mapping = dict(zip(map(id, self._variables.value), self.weights, strict=True))
        with plainly(), scope:
            yield


class Called(Held[keras.Operation]):
    """What an operation's own `call` computes."""

    def forward(self, *args: object, **kwargs: object) -> object:
        """What the operation computes, as at inference."""
        traced = symbols((args, kwargs)) if shipped(self.operation) else []
        known = traced[0].recorder.decisions.of_library() if traced else nullcontext()
        with self.own_weights(), known:
            return self.operation.call(*args, **at_inference(self.operation.call, kwargs))


class Dense(Held[keras.layers.Dense]):
    """`keras.layers.Dense`: Keras rounds a product in float64 to float32, in which the trace is proved less closely."""

    def __init__(self, layer: keras.layers.Dense) -> None:
        super().__init__(layer, [layer.kernel, *([layer.bias] if layer.use_bias else [])])

    def forward(self, x: torch.Tensor) -> object:
        """The layer's matrix, bias and activation."""
        kernel, *bias = self.weights
        y = x.to(kernel.dtype) @ kernel  # a layer before may compute in a type of its own
        y = y + bias[0] if bias else y
        return y if self.operation.activation is None else self.operation.activation(y)


def shipped(operation: keras.Operation) -> bool:
    """Whether a package ships its code, that of its layers and of what they wrap, and none is the user's."""
    inner = operation._flatten_layers() if isinstance(operation, keras.layers.Layer) else [operation]
    return all(
        type(each).__module__.startswith(("keras.", "ncps.")) and not isinstance(each, keras.layers.Lambda)
        for each in inner
    )


@contextmanager
def plainly() -> Iterator[None]:
    """While in it, Keras computes on the CPU, and errors come through it as they are."""
    wrapped = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        with keras.device("cpu"):
            yield
    finally:
        if wrapped:
            keras.config.enable_traceback_filtering()


def at_inference(call: object, kwargs: dict[str, object]) -> dict[str, object]:
    """The keyword arguments, and that this is no training, where `call` asks."""
    assert callable(call)
    return {**kwargs, "training": False} if "training" in inspect.signature(call).parameters else kwargs
