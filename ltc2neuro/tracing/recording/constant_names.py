"""Names of constants: how each was made from the model's parameters, such as `softplus(rnn.rnn_cell.w)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

import torch

_LONGEST = 80
_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "rsub": "-", "rdiv": "/", "matmul": "@", "pow": "**"}
_SILENT = {
    "view", "reshape", "flatten", "unsqueeze", "squeeze", "expand", "expand_as", "t", "T", "mT", "transpose",
    "permute", "contiguous", "clone", "detach", "to", "float", "double", "cpu", "type_as", "data",
}  # fmt: skip


class ConstantNames:
    """Names of plain tensors by identity. The tensors are kept alive: identities are used again."""

    def __init__(self, model: torch.nn.Module) -> None:
        self._names: dict[int, tuple[torch.Tensor, str]] = {}
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            self._names[id(tensor)] = (tensor, name)

    def get(self, tensor: torch.Tensor) -> str | None:
        """The tensor's name, if it has one."""
        known = self._names.get(id(tensor))
        return known[1] if known else None

    def give(self, tensor: torch.Tensor, name: str) -> None:
        """Name a tensor that a rule has made."""
        self._names[id(tensor)] = (tensor, name)

    def follow(self, func: Callable[..., object], args: tuple[object, ...], result: object) -> None:
        """Name what `func` made of named tensors."""
        made = [item for item in (result if isinstance(result, (tuple, list)) else (result,)) if self._is_new(item)]
        known = [name for a in args if isinstance(a, torch.Tensor) and (name := self.get(a))] if made else []
        if not known:
            return
        name = self._expression(function_name(func), args)
        if len(name) > _LONGEST:
            name = f"{known[0]}'"
        for item in made:
            self.give(item, name)

    def _is_new(self, value: object) -> TypeGuard[torch.Tensor]:
        return isinstance(value, torch.Tensor) and id(value) not in self._names

    def _expression(self, function: str, args: tuple[object, ...]) -> str:
        parts = [(self.get(a) or "constant") if isinstance(a, torch.Tensor) else _text(a) for a in args]
        if function in _SILENT:
            return parts[0]
        if function in _INFIX and len(parts) >= 2:
            left, right = (parts[1], parts[0]) if function.startswith("r") else (parts[0], parts[1])
            return f"({left} {_INFIX[function]} {right})"
        if function == "getitem":
            return f"{parts[0]}[{', '.join(parts[1:])}]"
        return f"{function}({', '.join(p for a, p in zip(args, parts, strict=True) if isinstance(a, torch.Tensor))})"


def function_name(func: Callable[..., object]) -> str:
    """What a user calls a torch function."""
    name = getattr(func, "__name__", "")
    if name == "__get__":
        name = getattr(getattr(func, "__self__", None), "__name__", "")
    return name.strip("_")


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
