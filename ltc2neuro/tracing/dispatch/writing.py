"""Computed values that are written into tensors, or parts of them, as by a loop that fills a buffer, `y[:, t] = h`.

A buffer is a plain tensor, which cannot hold what is recorded: from then on, a symbolic one stands for it, and for its
views. What is written into a tensor is there in all that share its memory.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from types import EllipsisType, NoneType
from typing import SupportsIndex, TypeAlias, TypeGuard

import numpy as np
import torch

from compiler.graph.ops import Gather
from ltc2neuro.tracing.ops.elementwise import constant
from ltc2neuro.tracing.ops.mixing import MixedStepsError, mixed
from ltc2neuro.tracing.ops.shape_ops import apart
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.hidden_layers import HiddenLayerError
from ltc2neuro.tracing.recording.operands import whole
from ltc2neuro.tracing.recording.symbolic import ComplexPair, Refused, Symbolic, paired, rebind, symbolic, symbols
from ltc2neuro.tracing.recording.tape import Tape

Index: TypeAlias = "SupportsIndex | slice | EllipsisType | None"

ADVICE = "Fill a tensor that forward has made, .clone() makes one, with all rows at once: y[:, t] = h; or stack a list."


@dataclass
class Written:
    """The tensors that have been written into, by identity, and what stands for each. Those `kept` are the model's."""

    recorder: Tape
    kept: Container[int]
    known: dict[int, tuple[torch.Tensor, Symbolic]] = field(default_factory=dict)
    parts: dict[int, tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]] = field(default_factory=dict)
    """of complex ones the real and the imaginary part, tensors of their own that are written into"""

    def standing(self, value: object) -> object:
        """The same with what stands for each tensor that was written into, and for its views."""
        if not self.known:
            return value
        if isinstance(value, (Symbolic, ComplexPair, Refused)):
            return value
        if isinstance(value, torch.Tensor):
            if id(_base(value)) in self.parts:
                return paired(*self._parts(value))
            own = self.known.get(id(value)) or self.known.get(id(_base(value)))
            return value if own is None else own[1] if own[0] is value else _view(own[1], value)
        if type(value) is tuple:
            return tuple(map(self.standing, value))
        if type(value) is list:
            return [*map(self.standing, value)]
        return {k: self.standing(v) for k, v in value.items()} if type(value) is dict else value

    def write(self, target: object, index: object, value: object) -> None:
        """`target[index] = value`."""
        if not isinstance(target, torch.Tensor) or not isinstance(value, (torch.Tensor, int, float, complex)):
            raise self._refusal()
        if is_mask(index, target):
            self.whole(target, _masked(target, index, value))
            return
        given = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=target.dtype)
        if (places := _numbered_places(index)) is not None:  # of one axis
            dim, numbers = places
            shape = [len(numbers) if axis == dim else size for axis, size in enumerate(target.shape)]
            self.whole(target, torch.index_copy(target, dim, numbers, given.to(target.dtype).expand(shape)))
            return
        if not _takes_view(index):
            raise self._refusal()
        part = target[index]
        self.whole(part, given.to(target.dtype).expand(part.shape))

    def whole(self, target: object, value: object) -> object:
        """Let all of `target` be a value of its shape, as an in-place function does; returns the target."""
        if not isinstance(target, torch.Tensor) or not isinstance(value, torch.Tensor):
            raise self._refusal()
        if target.is_complex():
            return self._complex(target, value.to(target.dtype))
        if target.shape != value.shape or target.dtype != value.dtype:
            raise self._refusal()
        if isinstance(target, Symbolic):
            write_through(target, value)
            return target
        base = _base(target)
        if not isinstance(value, Symbolic) or id(base) in self.kept or base.requires_grad:
            raise self._refusal()
        own = _standing_for(base, target, value)
        if own is None:
            raise self._refusal()
        self.known[id(base)] = base, own  # the tensor is kept, so that no other takes its identity
        part = own if base is target else _view(own, target)
        write_through(part, value)
        return part

    def _complex(self, target: torch.Tensor, value: torch.Tensor) -> object:
        """The same of complex numbers, part by part."""
        for part, own in zip(self._parts(target), (value.real, value.imag), strict=True):
            if symbols((part, own)):
                self.whole(part, own)
            else:
                part.copy_(own)
        return self.standing(target)

    def _parts(self, target: torch.Tensor) -> Sequence[torch.Tensor]:
        """What stands for the real and the imaginary part of a complex tensor."""
        if isinstance(target, ComplexPair):
            return target.re, target.im
        base = _base(target)
        if id(base) in self.kept or base.requires_grad or not base.is_contiguous() or target.is_conj():
            raise self._refusal()
        with torch._C.DisableTorchFunction():
            _, own = self.parts.setdefault(id(base), (base, (base.real.clone(), base.imag.clone())))
            place = target.shape, target.stride(), target.storage_offset()
            found = own if target is base else tuple(part.as_strided(*place) for part in own)
        return [part for part in map(self.standing, found) if isinstance(part, torch.Tensor)]

    def _refusal(self) -> Exception:
        error = self.recorder.refusal("a computed value is written into a tensor", ADVICE)
        if self.recorder.all_at_once or isinstance(error, HiddenLayerError):
            return error
        return MixedStepsError(error.what, where=error.where, advice=error.advice)  # of some rows or steps, perhaps


def is_mask(index: object, target: torch.Tensor) -> bool:
    """Whether an index says of each element whether it is meant."""
    return isinstance(index, torch.Tensor) and index.dtype == torch.bool and index.shape == target.shape


def _numbered_places(index: object) -> tuple[int, torch.Tensor] | None:
    """Of an index that takes all of other axes, and some places of one, which that is and the places."""
    parts = index if isinstance(index, tuple) else (index,)
    taken = [axis for axis, part in enumerate(parts) if not (isinstance(part, slice) and part == slice(None))]
    if len(taken) != 1 or not isinstance(parts[taken[0]], (list, np.ndarray, torch.Tensor)):
        return None
    numbers = torch.as_tensor(parts[taken[0]])
    return (taken[0], numbers) if numbers.dim() == 1 and numbers.dtype == torch.int64 else None


def _takes_view(index: object) -> TypeGuard[Index | tuple[Index, ...]]:
    """Whether an index takes a part of a tensor that shares its memory."""
    views, copies = (SupportsIndex, slice, EllipsisType, NoneType), (torch.Tensor, np.ndarray)
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(part, views) and not isinstance(part, copies) for part in parts)


def write_through(target: Symbolic, value: torch.Tensor) -> None:
    """Let all of `target` be a value of its shape, in all that share its memory."""
    with torch._C.DisableTorchFunction():
        written = _numbered(target.example)
        for tensor in list(_sharing(target)):
            found = written[_places(tensor.example)]
            here = found >= 0
            if bool(here.any()):
                _overlay(tensor, value, found.clamp(min=0), here)


def _overlay(tensor: Symbolic, value: torch.Tensor, places: torch.Tensor, here: torch.Tensor) -> None:
    """Let `tensor` be, where that is `here`, what `value` has at these of its flat places."""
    recorder, labels = tensor.recorder, axes.labels_of(tensor.codes)
    taken = value.reshape(-1)[places] if not isinstance(value, Symbolic) else None
    if isinstance(value, Symbolic):
        name, codes = whole(value), value.codes.reshape(-1)[places]
        if not torch.equal(axes.labels_of(codes)[here], labels[here]):
            raise mixed(recorder, "writes into other batch rows or time steps")
    else:
        assert taken is not None
        name, codes = _as_value(recorder, taken, labels)
    if bool(here.all()):
        rebind(tensor, tensor.example, codes, name)
        return
    old = whole(tensor)
    codes = torch.where(here, codes + (0 if name == old else recorder.size(old)), tensor.codes)
    problem, groups = axes.axes_problem(codes), axes.group(labels)
    if problem is not None or groups is None:
        raise apart(recorder, problem or "its rows or steps differ in their number of elements")
    index = recorder.index(axes.sample(codes, groups), recorder.named("index"))
    sources = (old,) if name == old else (old, name)
    joined = recorder.emit(lambda out: Gather(out, sources, index), groups.size, "cat")
    rebind(tensor, tensor.example, axes.encode(labels, groups.ranks(tensor.shape)), joined)


def _sharing(tensor: Symbolic) -> Iterator[Symbolic]:
    """All that lie in its memory, itself included."""
    own = tensor.example.untyped_storage().data_ptr()
    for member in tensor.family:
        other = member()
        if other is not None and other.example.untyped_storage().data_ptr() == own:
            yield other


def _base(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor that another is a view of, or itself."""
    with torch._C.DisableTorchFunction():
        return tensor if tensor._base is None else tensor._base


def _alias(tensor: torch.Tensor) -> torch.Tensor:
    """Another tensor of the same memory, which is no view: nothing stands for it."""
    with torch._C.DisableTorchFunction():
        memory = tensor.untyped_storage()
        size, stride = tuple(map(int, tensor.shape)), tensor.stride()
        return torch.empty(0, dtype=tensor.dtype).set_(memory, tensor.storage_offset(), size, stride)


def _numbered(example: torch.Tensor) -> torch.Tensor:
    """For each place in memory the number of the element that a tensor has there, -1 for none."""
    memory = torch.full((example.untyped_storage().nbytes() // example.element_size(),), -1)
    memory[_places(example).reshape(-1)] = torch.arange(example.numel())
    return memory


def _places(example: torch.Tensor) -> torch.Tensor:
    """Where in memory each element of a tensor is."""
    memory = torch.arange(example.untyped_storage().nbytes() // example.element_size())
    return memory.as_strided(tuple(map(int, example.shape)), example.stride(), example.storage_offset())


def _view(own: Symbolic, view: torch.Tensor) -> Symbolic:
    """What stands for a view of a tensor, given what stands for that."""
    with torch._C.DisableTorchFunction():
        codes = own.codes.reshape(-1)[_numbered(own.example)[_places(view)]]
    problem = axes.axes_problem(codes)
    if problem is not None:
        raise apart(own.recorder, problem)
    return symbolic(own.recorder, _alias(view), codes, own.value, own.family)


def _standing_for(base: torch.Tensor, part: torch.Tensor, value: Symbolic) -> Symbolic | None:
    """A constant tensor with the rows and steps that fit what is written into a part of it; None where none do."""
    with torch._C.DisableTorchFunction():
        return _fitting(base, _numbered(base)[_places(part)], value)


def _fitting(base: torch.Tensor, inside: torch.Tensor, value: Symbolic) -> Symbolic | None:
    labels = axes.labels_of(value.codes)
    steps = torch.unique(axes.rows_and_steps(labels)[1])
    shape = tuple(map(int, base.shape))
    index = [torch.arange(n).reshape([-1 if a == axis else 1 for a in range(len(shape))]).expand(shape)
             for axis, n in enumerate(shape)]  # fmt: skip
    for axis, rows in enumerate(index):
        if shape[axis] != axes.ROWS:
            continue
        others = [steps.expand(shape)] if len(steps) == 1 else [i for a, i in enumerate(index) if a != axis]
        for step in others:
            fits = axes.labelled(rows, step)
            if torch.equal(fits.reshape(-1)[inside], labels):
                name, codes = _as_value(value.recorder, base, fits)
                return symbolic(value.recorder, _alias(base), codes, name)
    return None


def _as_value(recorder: Tape, numbers: torch.Tensor, labels: torch.Tensor) -> tuple[str, torch.Tensor]:
    """A constant tensor as a value of the graph, and the codes that it has there."""
    groups = axes.group(labels)
    if groups is None:
        raise mixed(recorder)
    name, shape = constant(recorder, numbers, numbers.shape, groups), tuple(map(int, numbers.shape))
    places = np.arange(groups.size) % recorder.size(name)  # one number may stand for all
    index = recorder.index(places, recorder.named("index"))
    value = recorder.emit(lambda out: Gather(out, (name,), index), groups.size, "numbers")
    return value, axes.encode(labels, groups.ranks(shape))


def _masked(target: torch.Tensor, mask: object, value: torch.Tensor | complex) -> object:
    """`target` with a single `value` where `mask` holds."""
    if not isinstance(mask, torch.Tensor) or (isinstance(value, torch.Tensor) and value.numel() != 1):
        return None
    number = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=target.dtype)
    return torch.where(mask, number.reshape(()), target)
