"""Computed values that are written into a part of a tensor, as a loop does that fills a buffer: `y[:, t] = h`.

The buffer is a plain tensor, which cannot hold what is recorded: from then on, a symbolic one stands for it.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from math import prod

import torch

from ltc2neuro.tracing.recording.symbolic import Symbolic, aliased, rebind, symbolic
from ltc2neuro.tracing.recording.tape import Tape

ADVICE = (
    "Fill a tensor that forward has made and that is no view of another, .clone() makes one, with all rows at once: "
    "y[:, t] = h; or stack a list."
)


@dataclass
class Written:
    """The tensors that have been written into, by identity, and what stands for each. Those `kept` are the model's."""

    recorder: Tape
    kept: Container[int]
    known: dict[int, tuple[torch.Tensor, Symbolic]] = field(default_factory=dict)

    def standing(self, value: object) -> object:
        """The same with what stands for each tensor that was written into."""
        if not self.known:
            return value
        if isinstance(value, torch.Tensor):
            return self.known[id(value)][1] if id(value) in self.known else value
        if type(value) is tuple or type(value) is list:
            return type(value)(map(self.standing, value))
        return {k: self.standing(v) for k, v in value.items()} if type(value) is dict else value

    def write(self, target: object, index: object, value: object) -> None:
        """`target[index] = value`."""
        refused = self.recorder.refusal("a computed value is written into a tensor", ADVICE)
        if not isinstance(target, torch.Tensor) or not isinstance(value, (torch.Tensor, int, float)):
            raise refused
        self.whole(target, (_masked if is_mask(index, target) else _with_part)(target, index, value))

    def whole(self, target: object, value: object) -> object:
        """Let all of `target` be a value of its shape, as an in-place function does; returns the target."""
        refused = self.recorder.refusal("a computed value is written into a tensor", ADVICE)
        if not isinstance(target, torch.Tensor) or not isinstance(value, Symbolic):
            raise refused
        if target.shape != value.shape or target.dtype != value.dtype:
            raise refused
        if isinstance(target, Symbolic):
            if aliased(target):
                raise refused
            rebind(target, value.example, value.codes, value.value)
            return target
        if id(target) in self.kept or target._base is not None or target.requires_grad:
            raise refused
        own = symbolic(value.recorder, value.example, value.codes, value.value)
        self.known[id(target)] = target, own  # the tensor is kept, so that no other takes its identity
        return own


def is_mask(index: object, target: torch.Tensor) -> bool:
    """Whether an index says of each element whether it is meant."""
    return isinstance(index, torch.Tensor) and index.dtype == torch.bool and index.shape == target.shape


def _masked(target: torch.Tensor, mask: object, value: torch.Tensor | float) -> Symbolic | None:
    """`target` with a single `value` where `mask` holds."""
    if not isinstance(mask, torch.Tensor) or (isinstance(value, torch.Tensor) and value.numel() != 1):
        return None
    number = value if isinstance(value, torch.Tensor) else torch.tensor(float(value), dtype=target.dtype)
    return _symbolic(torch.where(mask, number.reshape(()), target))


def _with_part(target: torch.Tensor, index: object, value: torch.Tensor | float) -> Symbolic | None:
    """`target` with `value` at `index`, which takes all rows: the first axis, or the second where time is first."""
    first = index[0] if isinstance(index, tuple) and index else index
    turned = isinstance(first, int)
    if turned:
        rest = index[1:] if isinstance(index, tuple) else ()
        moved = _with_part(target.transpose(0, 1), (slice(None), first, *rest), value)
        return None if moved is None else _symbolic(moved.transpose(0, 1))
    if any(isinstance(part, torch.Tensor) for part in (index if isinstance(index, tuple) else (index,))):
        return None
    shape = tuple(int(n) for n in target.shape)
    places = torch.arange(prod(shape[1:]))
    whole = places.reshape(1, *shape[1:]).expand(shape)
    part = whole[index]  # type: ignore[index]
    if part.dim() == 0 or part.shape[0] != shape[0] or not torch.equal(part, part[:1].expand_as(part)):
        return None
    if isinstance(value, torch.Tensor):
        new = value.to(target.dtype).expand(part.shape)
    else:
        new = torch.full(tuple(part.shape), float(value), dtype=target.dtype)
    order = places.clone()
    order[part[0].reshape(-1)] = len(places) + torch.arange(part[0].numel())
    joined = torch.cat([target.reshape(shape[0], -1), new.reshape(shape[0], -1)], 1)
    return _symbolic(joined[:, order].reshape(shape))


def _symbolic(tensor: torch.Tensor) -> Symbolic | None:
    return tensor if isinstance(tensor, Symbolic) else None
