"""Torch's types: what a call gives in torch, and arguments and results brought to that type.

The graph computes with real numbers. Torch does too, but for bool tensors (True + True is True) and for whole numbers,
which it cuts and wraps around. So each call is done in torch as well, on the examples, and the type that comes out
decides what is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import torch

from ltc2neuro.tracing.recording.symbolic import ComplexPair, Symbolic, plain, symbolic, symbols
from ltc2neuro.tracing.recording.tape import Tape
from ltc2neuro.tracing.recording.unrecorded import unrecorded

TorchFunction = Callable[..., object]
Kept = TypeVar("Kept")


def in_torch(func: TorchFunction, args: tuple[object, ...], kwargs: dict[str, object], *, in_place: bool) -> object:
    """What torch itself returns for the examples. An `in_place` function writes into a copy of its first argument."""
    args = plain(args)
    if in_place and args and isinstance(args[0], torch.Tensor):
        args = (args[0].clone(), *args[1:])
    with torch._C.DisableTorchFunction():
        return func(*args, **plain(kwargs))


def promoted(value: Kept, result: object, *, constants: bool) -> Kept:
    """`value` with all symbolic bool and integer tensors in it in the type of the call's `result` in torch.

    A result of type bool leaves all as it is: those calls are recorded by what they compare or join. With `constants`
    plain tensors too, which for some calls are indices.
    """
    if not isinstance(result, torch.Tensor) or result.dtype == torch.bool:
        return value
    return cast("Kept", _cast(value, result, constants))  # the same structure


def _cast(value: object, like: torch.Tensor, constants: bool) -> object:
    if isinstance(value, torch.Tensor) and not isinstance(value, Symbolic):
        return value if value.is_floating_point() or not constants else value.to(like.dtype)
    if isinstance(value, Symbolic):
        if value.example.is_floating_point() or value.example.dtype == like.dtype:
            return value
        return symbolic(value.recorder, value.example.to(like.dtype), value.codes, value.value)
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return type(value)(_cast(item, like, constants) for item in value)
    if isinstance(value, dict):
        return {key: _cast(item, like, constants) for key, item in value.items()}
    return value


@unrecorded
def typed(recorder: Tape, recorded: object, result: object) -> object:
    """What was `recorded` for a call, in the type that torch's `result` has."""
    if not isinstance(recorded, (Symbolic, ComplexPair)) or not isinstance(result, torch.Tensor):
        return recorded
    if recorder.over_time.marks.get(symbols(recorded)[0].value, "").startswith("all but"):  # no steps in so short a one
        return recorded
    ours, torchs = recorded.example, result
    if ours.shape != torchs.shape or _rank(ours.dtype) > _rank(torchs.dtype):
        raise recorder.refusal(
            f"{recorder.operation} is called in a way that is not supported",
            "Write it with simpler operations, on floats: x.float().",
            f"torch returns {torchs.dtype} of {tuple(torchs.shape)}, the trace {ours.dtype} of {tuple(ours.shape)}",
        )
    if ours.dtype == torchs.dtype or isinstance(recorded, ComplexPair):
        return recorded
    recorder.narrowed |= torchs.dtype == torch.float32 and ours.dtype == torch.float64
    return symbolic(recorder, torchs, recorded.codes, recorded.value)


def _rank(dtype: torch.dtype) -> int:
    """bool, integers, floats, complex numbers: a value of a lower rank is one of any higher rank, too."""
    if dtype == torch.bool:
        return 0
    return 3 if dtype.is_complex else 2 if dtype.is_floating_point else 1
