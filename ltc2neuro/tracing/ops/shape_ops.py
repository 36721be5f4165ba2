"""Functions that move elements: torch's own run on the codes, and only `cat` records an op.

A moved tensor is a view of its value; the Gather is recorded where an op uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from compiler.graph.ops import Gather
from hw_models.errors import TraceError
from ltc2neuro.tracing.ops.copies import from_the_first
from ltc2neuro.tracing.ops.elementwise import constant
from ltc2neuro.tracing.ops.fixed_places import taken_by_number
from ltc2neuro.tracing.ops.mixing import DECIDED, DECIDES, MixedStepsError, decides, mixed
from ltc2neuro.tracing.recording import axes
from ltc2neuro.tracing.recording.held_inputs import beside, over_time
from ltc2neuro.tracing.recording.hidden_layers import HiddenLayerError
from ltc2neuro.tracing.recording.operands import whole
from ltc2neuro.tracing.recording.symbolic import Symbolic, plain, symbolic, symbols
from ltc2neuro.tracing.recording.tape import Tape

CHOOSES = "A network's connections are fixed: choose with constants, or select with torch.where(condition, a, b). "


class TakenApartError(MixedStepsError):
    """Single rows or steps are taken: of the last step's answers, `x[-1]`, where the model reads time first."""


def movement(func: Callable[..., object], *, cuts: bool = False) -> Callable[..., object]:
    """The rule of a torch function that moves elements as constants tell it; `cuts`: it may take some of them."""

    def rule(x: Symbolic, *args: object, **kwargs: object) -> object:
        computed = symbols(args) + symbols(kwargs)
        if computed:
            raise computed[0].recorder.refusal("a computed value chooses which elements are taken", CHOOSES)
        codes = func(x.codes, *args, **kwargs)
        codes = over_time(codes, args, kwargs) if isinstance(codes, torch.Tensor) else codes
        moved = _moved(x, func(x.example, *args, **kwargs), codes)
        problem = taken_by_number(func, x, args, kwargs) if cuts and not x.recorder.all_at_once else None
        if problem is not None:
            raise apart(x.recorder, problem)
        return from_the_first(moved, *range(1, moved.dim())) if cuts and isinstance(moved, Symbolic) else moved

    return rule


def copying(func: Callable[..., object], *, cuts: bool = False) -> Callable[..., object]:
    """The rule of a function that moves elements into storage of their own."""
    moved = movement(func, cuts=cuts)

    def rule(x: torch.Tensor, *args: object, **kwargs: object) -> object:
        result = moved(x, *args, **kwargs)
        return copied(result) if isinstance(result, Symbolic) else result

    return rule


def shaped_like(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """`view_as` and `reshape_as`."""
    return x.reshape(other.shape)


def expanded_like(x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """`expand_as`."""
    return x.expand(other.shape)


def copied(x: Symbolic, **_: object) -> Symbolic:
    """`clone`: the same elements, in storage of their own."""
    return symbolic(x.recorder, x.example.clone(), x.codes, x.value)


def _moved(x: Symbolic, example: object, codes: object) -> object:
    if isinstance(example, torch.Tensor) and isinstance(codes, torch.Tensor):
        if example.dtype != x.example.dtype:
            raise x.recorder.refusal("the bits of a tensor are read as another type", "Keep its type.")
        problem = axes.axes_problem(codes, first=x.recorder.over_time.first)
        if problem is not None:
            raise apart(x.recorder, problem)
        return symbolic(x.recorder, example, codes, x.value, x.family)
    if isinstance(example, (tuple, list)) and isinstance(codes, (tuple, list)):
        return type(example)(_moved(x, e, c) for e, c in zip(example, codes, strict=True))
    return example


def apart(recorder: Tape, problem: str) -> TraceError:
    """The error for what takes rows or steps apart, at the user's line; of another kind where it is a condition."""
    if decides():
        return recorder.refusal(DECIDED, DECIDES)
    error = recorder.refusal(
        f"{recorder.operation} takes batch rows or time steps apart: {problem}",
        "A network answers at every step or at the last: y[:, -1] where batch comes first, y[-1] where time comes "
        "first, as in torch's recurrent layers, unless built as nn.GRU(..., batch_first=True). Other steps are chosen "
        "after the network: net(x)[:, ::2]. The number of steps is x.shape[1], not len(x[0]). A cell that is stepped "
        "by hand in a loop belongs under ltc2neuro.nn.Recurrent(cell); an answer that is fed back is a state of the "
        "cell: (y, (h, y)).",
    )
    if isinstance(error, HiddenLayerError):
        return error
    return TakenApartError(error.what, where=error.where, advice=error.advice)


def cat(tensors: Sequence[torch.Tensor], dim: int = 0) -> torch.Tensor:
    """`torch.cat`."""
    joined, first = _joined(tensors, dim), tensors[0]
    begun = isinstance(first, Symbolic) and first.value in first.recorder.over_time.copies
    return joined if begun else from_the_first(joined, dim)


def _joined(tensors: Sequence[torch.Tensor], dim: int) -> torch.Tensor:
    """One Gather over all values; constants take their rows and steps from the symbolic tensor beside them."""
    whole_ones = [s for s in symbols(tensors) if s.numel()]
    if not whole_ones:  # what is before the differences of a single step
        return torch.cat([plain(t) for t in tensors], dim)
    first = next((s for s in whole_ones if not axes.is_held(s.codes)), whole_ones[0])
    recorder, example = first.recorder, torch.cat([plain(t) for t in tensors], dim)
    offsets: dict[str, int] = {}
    size = 0
    parts: list[torch.Tensor] = []
    for tensor in tensors:
        if tensor.numel() == 0:
            continue
        if isinstance(tensor, Symbolic):
            name, codes = whole(tensor), _at_steps(first, tensor, dim)
        else:
            name, codes = _beside(first, tensor, dim)
        if name not in offsets:
            offsets[name], size = size, size + recorder.size(name)
        parts.append(codes + offsets[name])
    codes = torch.cat(parts, dim)
    problem = axes.axes_problem(codes)
    if problem is not None:
        raise apart(recorder, problem)
    if len(offsets) == 1:
        return symbolic(recorder, example, codes, first.value)
    groups = axes.group(axes.labels_of(codes))
    if groups is None:
        return example
    index = recorder.index(axes.sample(codes, groups), recorder.named("index"))
    value = recorder.emit(lambda out: Gather(out, tuple(offsets), index), groups.size, "cat")
    return symbolic(recorder, example, axes.encode(axes.labels_of(codes), groups.ranks(codes.shape)), value)


def _at_steps(first: Symbolic, tensor: Symbolic, dim: int) -> torch.Tensor:
    """The codes of a tensor, at the steps of the one beside it where it is held."""
    if not axes.is_held(tensor.codes) or axes.is_held(first.codes):
        return tensor.codes
    edge = axes.labels_of(first.codes).select(dim, 0).unsqueeze(dim)
    codes = beside(tensor.codes, edge.expand(tensor.shape))
    if codes is None:
        raise mixed(first.recorder)
    return codes


def _beside(first: Symbolic, tensor: torch.Tensor, dim: int) -> tuple[str, torch.Tensor]:
    """A constant tensor beside a symbolic one: the constant's name, and codes with the labels of its neighbours."""
    labels = axes.labels_of(first.codes)
    edge = labels.select(dim, 0).unsqueeze(dim)
    if not torch.equal(labels, edge.expand_as(labels)):
        raise mixed(first.recorder, "adds constants to the rows or time steps")
    labels = edge.expand(tensor.shape)
    groups = axes.group(labels)
    if groups is None:
        raise mixed(first.recorder)
    name = constant(first.recorder, tensor, tensor.shape, groups)
    elements = groups.ranks(tensor.shape) if first.recorder.size(name) > 1 else torch.zeros_like(labels)
    return name, axes.encode(labels, elements)


def stack(tensors: Sequence[torch.Tensor], dim: int = 0) -> torch.Tensor:
    """Along a new axis."""
    axis = dim if dim >= 0 else dim + tensors[0].dim() + 1
    return torch.cat([t.unsqueeze(axis) for t in tensors], axis)


def hstack(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Along the second axis, or the only one."""
    return torch.cat(tuple(tensors), 0 if tensors[0].dim() == 1 else 1)


def broadcast_tensors(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """All to their common shape."""
    shape = torch.broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t.expand(shape) for t in tensors)


def rows(x: torch.Tensor) -> object:
    """`for row in x`."""
    return iter(x.unbind(0))
