"""What a model keeps in its attributes from call to call: each of our calls finds it as it was before the first."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch

from ltc2neuro.tracing.recording.symbolic import Symbolic
from ltc2neuro.tracing.recording.unrecorded import unrecorded

_TORCHS = {*vars(torch.nn.Module()), "forward"}
_MANY = (list, dict, set, deque)


@dataclass(frozen=True)
class _KeptAttribute:
    """An attribute before a call. `own` is the dict that holds it."""

    own: MutableMapping[str, object]
    name: str
    value: object
    content: object
    """a copy of what may be changed in place"""
    version: int

    @unrecorded
    def changed(self) -> bool:
        """Whether it has another value now."""
        if self.own.get(self.name) is not self.value:
            return True
        if isinstance(self.value, torch.Tensor) and not isinstance(self.value, Symbolic):
            return self.value._version != self.version
        if isinstance(self.value, _MANY):
            assert isinstance(self.content, _MANY)
            return _members(self.value) != _members(self.content)
        return False

    @unrecorded
    def restore(self) -> None:
        """Let it be what it was."""
        if isinstance(self.value, torch.Tensor) and isinstance(self.content, torch.Tensor):
            if self.value._version != self.version:
                self.value.detach().copy_(self.content)
            self.own[self.name] = self.value
        else:
            self.own[self.name] = self.content


@contextmanager
def as_it_was(model: torch.nn.Module, kept: set[str] | None = None) -> Iterator[None]:
    """A call of the model, after which its attributes are what they were; `kept` takes the names of those that it had
    changed."""
    before = [(path, found) for path, module in model.named_modules() for found in _attributes(module)]
    names = {(id(found.own), found.name) for _, found in before}
    try:
        yield
    finally:
        for path, found in before:
            if found.changed():
                found.restore()
                if kept is not None:
                    kept.add(f"{path}.{found.name}" if path else found.name)
        for module in model.modules():
            for found in _attributes(module):
                if (id(found.own), found.name) not in names:
                    del found.own[found.name]


def kept_rows(model: torch.nn.Module) -> Iterator[tuple[str, int]]:
    """The attributes that hold tensors, each with how many rows those may have."""
    for path, module in model.named_modules():
        for found in _attributes(module):
            for tensor in found.value if isinstance(found.value, (tuple, list)) else (found.value,):
                if isinstance(tensor, torch.Tensor) and tensor.dim() > 1:
                    yield from ((f"{path}.{found.name}".lstrip("."), rows) for rows in tensor.shape[:2])


def _members(many: list[object] | dict[object, object] | set[object] | deque[object]) -> list[int]:
    return [id(member) for member in (many.values() if isinstance(many, dict) else many)]


@unrecorded  # a tensor that was written into stands for what is recorded: its version is its own
def _attributes(module: torch.nn.Module) -> list[_KeptAttribute]:
    found = []
    for own in (vars(module), cast("MutableMapping[str, object]", module._buffers)):
        for name, value in own.items():
            if name not in _TORCHS:
                content, version = value, 0
                if isinstance(value, torch.Tensor) and not isinstance(value, Symbolic):
                    content, version = value.detach().clone(), value._version
                elif isinstance(value, _MANY):
                    content = copy.copy(value)
                found.append(_KeptAttribute(own, name, value, content, version))
    return found
