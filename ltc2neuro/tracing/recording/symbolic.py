"""The symbolic tensor: what a model's `forward` is run on."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, TypeVar, cast

import torch

from hw_models.errors import TraceError
from ltc2neuro.tracing.recording.tape import Tape
from ltc2neuro.tracing.recording.unrecorded import unrecorded
from ltc2neuro.tracing.recording.whole_numbers import keeps_whole

Family: TypeAlias = "list[weakref.ReferenceType[Symbolic]]"


class _RecordedTensor(torch.Tensor):
    """A tensor that records what is done with it. `example` is a plain tensor of its shape and type."""

    recorder: Tape
    example: torch.Tensor

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., object],
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        """Every torch call on a symbolic tensor comes here."""
        args, kwargs = tuple(args), kwargs or {}
        return symbols((args, kwargs))[0].recorder.dispatch(func, args, kwargs)


class Symbolic(_RecordedTensor):
    """A tensor of real numbers.

    `codes` says which element of the graph's vector `value`, in which row and step, each of its elements is (see
    `axes`). `family` holds all that share torch's storage with it.
    """

    codes: torch.Tensor
    value: str
    family: Family


class ComplexPair(_RecordedTensor):
    """A tensor of complex numbers: the real part `re` and the imaginary `im`, one of which is symbolic at least."""

    re: torch.Tensor
    im: torch.Tensor


class Refused(_RecordedTensor):
    """What torch returns and the chip cannot compute: it may come beside what is used; a use of it raises `why`."""

    why: TraceError

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., object],
        types: Iterable[type],
        args: Sequence[object] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        """No torch call takes it."""
        check_computed((args, kwargs))
        raise AssertionError


@unrecorded
def refused(recorder: Tape, why: TraceError) -> Refused:
    """What raises this where it is used."""
    with torch._C.DisableTorchFunctionSubclass():
        tensor: Refused = torch.Tensor._make_subclass(Refused, torch.zeros(()))
    tensor.recorder, tensor.example, tensor.why = recorder, torch.zeros(()), why
    return tensor


def check_computed(value: object) -> None:
    """Raise `TraceError` where there is what the chip cannot compute in nested tuples, lists and dicts."""
    if isinstance(value, Refused):
        raise value.why
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ():
        check_computed(item)


@unrecorded
def symbolic(
    recorder: Tape,
    example: torch.Tensor,
    codes: torch.Tensor,
    value: str,
    family: Family | None = None,
) -> Symbolic:
    """A symbolic tensor; one with a `family` is a view of its members.

    Half precision is refused, and whole numbers that may wrap around.
    """
    if example.dtype in (torch.float16, torch.bfloat16):
        raise recorder.refusal("the model computes in half precision", "Convert it first: model.float().")
    if not (
        example.dtype == torch.bool or example.is_floating_point() or keeps_whole(example.dtype, recorder.reach(value))
    ):
        raise recorder.refusal(
            f"whole numbers of {example.dtype} that may leave its range",
            "They would wrap around in torch, and not on the chip: compute with floats, x.float().",
        )
    with torch._C.DisableTorchFunctionSubclass():
        tensor: Symbolic = torch.Tensor._make_subclass(Symbolic, example)
    tensor.recorder = recorder
    tensor.family = [] if family is None else family
    tensor.family.append(weakref.ref(tensor))
    rebind(tensor, example, codes, value)
    return tensor


@unrecorded
def paired(re: torch.Tensor, im: torch.Tensor) -> torch.Tensor:
    """The complex tensor of two parts of one shape and type; a plain one of plain parts."""
    parts, example = symbols((re, im)), torch.complex(plain(re), plain(im))
    if not parts:
        return example
    with torch._C.DisableTorchFunctionSubclass():
        tensor: ComplexPair = torch.Tensor._make_subclass(ComplexPair, example)
    tensor.recorder, tensor.example, tensor.re, tensor.im = parts[0].recorder, example, re, im
    return tensor


@unrecorded
def rebind(tensor: Symbolic, example: torch.Tensor, codes: torch.Tensor, value: str) -> None:
    """Let `tensor` stand for another value, as an in-place op does."""
    tensor.example, tensor.codes, tensor.value = example, codes.contiguous(), value


def aliased(tensor: Symbolic) -> bool:
    """Whether another living tensor shares its storage, so that an in-place op would change both."""
    return sum(member() is not None for member in tensor.family) > 1


def symbols(value: object) -> list[Symbolic]:
    """All symbolic tensors in nested tuples, lists and dicts, and in complex ones."""
    found: list[Symbolic] = []
    _collect(value, found)
    return found


def _collect(value: object, found: list[Symbolic]) -> None:
    if isinstance(value, Symbolic):
        found.append(value)
    elif isinstance(value, ComplexPair):
        _collect((value.re, value.im), found)
    elif isinstance(value, (tuple, list)):
        for item in value:
            _collect(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, found)


def is_complex(value: object) -> bool:
    """Whether there is a complex tensor of these in nested tuples, lists and dicts."""
    if isinstance(value, (tuple, list)):
        return any(map(is_complex, value))
    return isinstance(value, ComplexPair) or (isinstance(value, dict) and any(map(is_complex, value.values())))


Kept = TypeVar("Kept")


def plain(value: Kept) -> Kept:
    """The example of a tensor that is recorded, anything else as it is; within tuples, lists and dicts, too."""
    if isinstance(value, _RecordedTensor):
        return cast(Kept, value.example)
    if isinstance(value, list):
        return cast(Kept, [plain(item) for item in value])
    if type(value) is tuple:
        return cast(Kept, tuple(plain(item) for item in value))
    if isinstance(value, dict):
        return cast(Kept, {key: plain(item) for key, item in value.items()})
    return value
