"""A step of a cell as the torch calls that it makes: Keras's and ncps's own code takes milliseconds around them.

What is written down is what Keras does on one batch; whether it does so on others is for the frontend's proof to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import keras
import torch
from torch.overrides import TorchFunctionMode

TorchFunction = Callable[..., object]
Nested = TypeVar("Nested")

_LEAVING = {
    getattr(torch.Tensor, name)
    for name in ("__bool__", "__float__", "__int__", "__index__", "item", "tolist", "numpy", "__array__")
}


class LeavesError(Exception):
    """A computed value decides in Python: there is no one list of calls."""


@dataclass(frozen=True)
class TensorSlot:
    """The place of a tensor."""

    number: int


@dataclass(frozen=True)
class TorchCall:
    """A call, with slots for tensors among its arguments. Its results take the next slots."""

    function: TorchFunction
    args: tuple[object, ...]
    kwargs: dict[str, object]


@dataclass(frozen=True)
class TorchCalls:
    """Calls from the inputs, in the first slots, to the `outputs`."""

    calls: tuple[TorchCall, ...]
    outputs: tuple[TensorSlot, ...]

    def run(self, inputs: Iterable[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """All calls, in order."""
        held = list(inputs)
        for call in self.calls:
            kwargs = {name: _filled(value, held) for name, value in call.kwargs.items()}
            held += _tensors(call.function(*(_filled(value, held) for value in call.args), **kwargs))
        return tuple(held[slot.number] for slot in self.outputs)


def _filled(value: object, held: Sequence[torch.Tensor]) -> object:
    """`value` with tensors in its slots."""
    if isinstance(value, TensorSlot):
        return held[value.number]
    if type(value) is list:
        return [_filled(item, held) for item in value]
    return tuple(_filled(item, held) for item in value) if type(value) is tuple else value


def written(step: Callable[[], object], inputs: Sequence[torch.Tensor]) -> TorchCalls | None:
    """The calls of a `step` that computes with the `inputs`; None where numbers decide which calls it makes."""
    writer = _CallWriter(inputs)
    try:
        with torch.no_grad(), writer:
            outputs = _tensors(step())
    except LeavesError:
        return None
    return TorchCalls(tuple(writer.calls), tuple(writer.slots[id(t)] for t in outputs))


class _CallWriter(TorchFunctionMode):
    def __init__(self, inputs: Sequence[torch.Tensor]) -> None:
        super().__init__()
        self._alive = list(inputs)  # identities are used again
        self.slots = {id(t): TensorSlot(n) for n, t in enumerate(inputs)}
        self.calls: list[TorchCall] = []

    def __torch_function__(
        self,
        func: TorchFunction,
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        """One call: done, and written down where it depends on the inputs."""
        args, kwargs = _each((tuple(args), kwargs or {}), lambda v: v.value if isinstance(v, keras.Variable) else v)
        given = _each((args, kwargs), lambda v: self.slots.get(id(v), v) if isinstance(v, torch.Tensor) else v)
        known = any(id(t) in self.slots for t in _tensors((args, kwargs)))
        if known and func in _LEAVING:
            raise LeavesError
        result = func(*args, **kwargs)
        tensors = _tensors(result)
        moved = func is torch.Tensor.to and result is args[0]  # nothing: it is there, and of this type
        if known and tensors and not moved:
            self.slots.update({id(t): TensorSlot(len(self._alive) + n) for n, t in enumerate(tensors)})
            self._alive += tensors
            self.calls.append(TorchCall(func, *given))
        return result


def _each(value: Nested, change: Callable[[object], object]) -> Nested:
    """`value` with every item in its tuples, lists and dicts changed."""
    if isinstance(value, dict):
        changed: object = {key: _each(item, change) for key, item in value.items()}
    elif isinstance(value, (tuple, list)):
        kind = tuple if isinstance(value, tuple) else list
        changed = kind(_each(item, change) for item in value)
    else:
        changed = change(value)
    return cast("Nested", changed)  # of the same structure


def _tensors(value: object) -> list[torch.Tensor]:
    """The tensors in nested tuples, lists and dicts, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [tensor for item in items for tensor in _tensors(item)]
