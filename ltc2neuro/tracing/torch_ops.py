"""The torch functions that have an op in the graph. What is built from these is in `decompositions`.

A rule takes what torch's function takes and returns its result as a symbolic tensor. Tables are keyed by the torch
function itself; `spellings` finds all ways to write one (`torch.add`, `Tensor.add`, `Tensor.__add__`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as functional

from compiler.functions import FUNCTIONS
from compiler.graph import Op
from compiler.graph.ops import (
    Add, Apply, Compare, Div, Gather, MatVec, Max, Min, Mul, Relation, SegmentSum, Select, Sub,
)  # fmt: skip
from ltc2neuro.tracing import axes
from ltc2neuro.tracing.recorder import Recorder
from ltc2neuro.tracing.symbolic import Symbolic, symbolic, symbols

Operand: TypeAlias = "torch.Tensor | float | int | bool"
Rule: TypeAlias = Callable[..., object]

MIXES = (
    "A network computes one row and one step at a time. Take what mixes them out of the model: what joins steps belongs "
    "into a recurrent cell under ltc2neuro.nn.Recurrent, what joins rows (or averages over time) behind the network."
)


def spellings(*names: str) -> list[Callable[..., object]]:
    """Torch's function objects of these names, in all places where torch has them."""
    places = (torch, torch.Tensor, functional, torch.special, torch._C._nn)
    found = [getattr(place, name) for place in places for name in names if hasattr(place, name)]
    return [f for f in found if callable(f)]


def plain(value: object) -> object:
    """The example of a symbolic tensor, anything else as it is; within tuples, lists and dicts, too."""
    return _replace(value, lambda s: s.example)


def _replace(value: object, new: Callable[[Symbolic], object]) -> object:
    if isinstance(value, Symbolic):
        return new(value)
    if type(value) in (tuple, list, torch.Size):
        return type(value)(_replace(item, new) for item in value)  # type: ignore[attr-defined, call-arg]
    if isinstance(value, dict):
        return {key: _replace(item, new) for key, item in value.items()}
    return value


# --- elementwise -----------------------------------------------------------------------------------------


def elementwise(make: Callable[..., Op], operands: Sequence[Operand], example: torch.Tensor) -> Symbolic:
    """Record the op `make(out, *names)` over operands that broadcast to the shape of `example`."""
    tensors = [o for o in operands if isinstance(o, Symbolic)]
    recorder, shape = tensors[0].recorder, example.shape
    codes = {id(t): t.codes.expand(shape) for t in tensors}
    labels = axes.labels_of(codes[id(tensors[0])])
    for tensor in tensors[1:]:
        if not torch.equal(axes.labels_of(codes[id(tensor)]), labels):
            raise recorder.refusal("an operation mixes batch rows or time steps", MIXES)
    groups = axes.group(labels)
    if groups is None:
        raise recorder.refusal("an operation mixes batch rows or time steps", MIXES)
    names: list[str] = []
    for operand in operands:
        if isinstance(operand, Symbolic):
            elements = axes.elements_of(codes[id(operand)]).reshape(-1).numpy()
            names.append(recorder.operand(operand, elements[groups.positions[0]]))
        else:
            names.append(constant_operand(recorder, operand, shape, groups))
    value = recorder.emit(lambda out: make(out, *names), groups.size)
    rank = torch.from_numpy(groups.rank).reshape(shape)
    return symbolic(recorder, example, axes.encode(labels, rank), value)


def constant_operand(
    recorder: Recorder, operand: Operand, shape: Sequence[int], groups: axes.Groups
) -> str:
    """The constant that a plain tensor or number is for one sample; it must be the same in each row and step."""
    if not isinstance(operand, torch.Tensor):
        return recorder.constant(np.array([float(operand)]), f"{float(operand):.10g}")
    named = recorder.names.get(operand)
    if operand.numel() == 1:
        number = operand.detach().double().reshape(1).numpy()
        return recorder.constant(number, named or f"{number[0]:.10g}")
    name = named or recorder.named("constant")
    values = operand.detach().double().expand(tuple(shape)).reshape(-1).numpy()[groups.positions]
    if not np.array_equal(values, np.broadcast_to(values[0], values.shape), equal_nan=True):
        raise recorder.refusal(
            f"the constant {name} differs between batch rows or time steps",
            "Give what depends on the position to the model as an input feature.",
        )
    return recorder.constant(values[0].copy(), name)


def _binary(op: Callable[[str, str, str], Op], real: Callable[..., torch.Tensor]) -> Rule:
    return lambda a, b: elementwise(op, (a, b), real(plain(a), plain(b)))


def _reversed(rule: Rule) -> Rule:
    return lambda a, b: rule(b, a)


def _scaled(rule: Rule) -> Rule:
    """`add` and `sub` have a factor `alpha` for the second operand."""
    return lambda a, b, *, alpha=1: rule(a, b if alpha == 1 else b * alpha)


def _compare(relation: Relation, real: Callable[..., torch.Tensor]) -> Rule:
    return _binary(lambda out, a, b: Compare(out, a, b, relation), real)


def _where(condition: Operand, a: Operand, b: Operand) -> Symbolic:
    """Select, for a condition of 0 and 1."""
    example = torch.where(plain(condition), plain(a), plain(b))  # type: ignore[arg-type]
    return elementwise(Select, (condition, a, b), example)


def apply(function: str, x: Symbolic) -> Symbolic:
    """The element function of that name in `compiler.functions`; torch's own is not called."""
    if function not in FUNCTIONS:
        raise x.recorder.refusal(
            f"the function {function} is not supported", f"Use one of {', '.join(sorted(FUNCTIONS))}."
        )
    return elementwise(lambda out, a: Apply(out, a, function), (x,), torch.zeros_like(x.example))


def _function(name: str) -> Rule:
    return lambda x: apply(name, x)


# --- linear ----------------------------------------------------------------------------------------------


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> object:
    """`x @ weight.T + bias`, with a constant weight."""
    if not isinstance(x, Symbolic) or isinstance(weight, Symbolic):
        return x @ weight.mT + bias if bias is not None else x @ weight.mT
    recorder, example = x.recorder, functional.linear(x.example, weight.to(x.example.dtype))
    labels = axes.labels_of(x.codes)
    if not torch.equal(labels, labels[..., :1].expand_as(labels)):
        raise recorder.refusal("a linear map mixes batch rows or time steps", MIXES)
    groups = recorder.groups(x)
    elements = axes.elements_of(x.codes).reshape(-1).numpy()[groups.positions[0]]
    copies = groups.size // x.shape[-1]
    matrix = np.kron(np.eye(copies), weight.detach().double().numpy()) if copies > 1 else weight.detach().double().numpy()
    name = recorder.constant(matrix, recorder.names.get(weight) or recorder.named("weight"))
    source = recorder.operand(x, elements)
    value = recorder.emit(lambda out: MatVec(out, (source,), name), matrix.shape[0], "linear")
    out_labels = labels[..., :1].expand(example.shape)
    out_groups = axes.group(out_labels)
    rank = torch.from_numpy(out_groups.rank if out_groups else np.zeros(0, np.int64)).reshape(example.shape)
    y = symbolic(recorder, example, axes.encode(out_labels, rank), value)
    return y if bias is None else y + bias


def _matmul(a: torch.Tensor, b: torch.Tensor) -> object:
    """A product with a constant matrix is a linear map; other products are multiplied out."""
    if isinstance(a, Symbolic) and not isinstance(b, Symbolic) and b.dim() <= 2:
        return linear(a, b.T) if b.dim() == 2 else linear(a, b[None]).squeeze(-1)  # type: ignore[attr-defined]
    if isinstance(b, Symbolic) and not isinstance(a, Symbolic) and a.dim() == 2 and b.dim() >= 2:
        return linear(b.mT, a).mT  # type: ignore[attr-defined]
    if a.dim() >= 2 and b.dim() >= 2:
        return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)
    return (a * (b if b.dim() == 1 else b.mT)).sum(-1)


def total(x: Symbolic, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Symbolic:
    """The sum over axes that hold neither rows nor steps."""
    recorder = x.recorder
    example = x.example.sum() if dim is None else x.example.sum(dim, keepdim)
    kept = x.example.sum(dim=tuple(range(x.dim())) if dim is None else dim, keepdim=True).shape
    targets = torch.arange(example.numel()).reshape(kept).expand(x.shape).reshape(-1)
    labels = axes.labels_of(x.codes).reshape(-1)
    out_labels = torch.zeros(example.numel(), dtype=torch.int64)
    out_labels[targets] = labels
    if not torch.equal(out_labels[targets], labels):
        raise recorder.refusal("a sum over batch rows or time steps", MIXES)
    groups, out_groups = recorder.groups(x), axes.group(out_labels)
    rank = out_groups.rank if out_groups else np.zeros(0, np.int64)
    elements = axes.elements_of(x.codes).reshape(-1).numpy()[groups.positions[0]]
    segment = recorder.index(rank[targets.numpy()[groups.positions[0]]], recorder.named("segment"))
    source = recorder.operand(x, elements)
    value = recorder.emit(lambda out: SegmentSum(out, source, segment), int(rank.max()) + 1, "sum")
    codes = axes.encode(out_labels, torch.from_numpy(rank)).reshape(example.shape)
    return symbolic(recorder, example, codes, value)


# --- movement --------------------------------------------------------------------------------------------


def movement(func: Callable[..., object]) -> Rule:
    """A function that only moves elements: torch's own runs on the codes."""

    def rule(x: Symbolic, *args: object, **kwargs: object) -> object:
        if symbols([a for a in args if not _is_shape_of(func)]) or symbols(kwargs):
            raise x.recorder.refusal(
                "a computed value chooses which elements are taken",
                "A network's connections are fixed: choose with constants, or select with torch.where.",
            )
        examples = func(x.example, *_plain(args), **kwargs)
        codes = func(x.codes, *_plain(args), **kwargs)
        return _moved(x, examples, codes)

    return rule


def _plain(args: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(plain(a) for a in args)


def _is_shape_of(func: Callable[..., object]) -> bool:
    return func in _SHAPE_OF


def _moved(x: Symbolic, example: object, codes: object) -> object:
    if isinstance(example, torch.Tensor) and isinstance(codes, torch.Tensor):
        return viewed(x, example, codes)
    if isinstance(example, (tuple, list)) and isinstance(codes, (tuple, list)):
        return type(example)(_moved(x, e, c) for e, c in zip(example, codes, strict=True))
    return example


def viewed(x: Symbolic, example: torch.Tensor, codes: torch.Tensor) -> Symbolic:
    """`x` with its elements moved to `codes`: refused where rows or steps are dropped, mixed up or reordered."""
    problem = axes.problem(codes)
    if problem is not None:
        raise x.recorder.refusal(
            f"an operation takes rows or time steps apart: {problem}",
            "A network answers at every step or at the last (y[:, -1]). A recurrent cell that is stepped by hand "
            "in a loop belongs under ltc2neuro.nn.Recurrent(cell).",
        )
    return symbolic(x.recorder, example, codes, x.value, x.family)


def _cat(tensors: Sequence[torch.Tensor], dim: int = 0) -> object:
    """One Gather over all values; constants take their rows and steps from the symbolic tensors beside them."""
    recorder = next(t for t in tensors if isinstance(t, Symbolic)).recorder
    example = torch.cat([plain(t) for t in tensors], dim)  # type: ignore[misc]
    tensors = [t for t in tensors if t.dim() == example.dim()]  # torch skips empty 1-D tensors
    pattern = axes.labels_of(next(t for t in tensors if isinstance(t, Symbolic)).codes)
    offsets: dict[str, int] = {}
    size = 0
    parts: list[torch.Tensor] = []
    for tensor in tensors:
        if isinstance(tensor, Symbolic):
            name, codes = recorder.whole(tensor), tensor.codes
            length = recorder.size(name)
        else:
            if not torch.equal(pattern, pattern.select(dim, 0).unsqueeze(dim).expand_as(pattern)):
                raise recorder.refusal("a constant is added to the rows or time steps", MIXES)
            labels = pattern.select(dim, 0).unsqueeze(dim).expand(tensor.shape)
            groups = axes.group(labels)
            if groups is None:
                continue
            name = constant_operand(recorder, tensor, tensor.shape, groups)
            rank = torch.from_numpy(groups.rank).reshape(tensor.shape)
            length = recorder.size(name)
            codes = axes.encode(labels, rank if length > 1 else torch.zeros_like(rank))
        if name not in offsets:
            offsets[name], size = size, size + length
        parts.append(codes + offsets[name])
    codes = torch.cat(parts, dim)
    problem = axes.problem(codes)
    groups = axes.group(axes.labels_of(codes))
    if problem is not None or groups is None:
        raise recorder.refusal(f"a concatenation mixes batch rows or time steps: {problem}", MIXES)
    index = axes.elements_of(codes).reshape(-1).numpy()[groups.positions[0]]
    if len(offsets) == 1:
        first = next(t for t in tensors if isinstance(t, Symbolic))
        return symbolic(recorder, example, codes, first.value)
    name = recorder.index(index, recorder.named("index"))
    value = recorder.emit(lambda out: Gather(out, tuple(offsets), name), groups.size, "cat")
    rank = torch.from_numpy(groups.rank).reshape(example.shape)
    return symbolic(recorder, example, axes.encode(axes.labels_of(codes), rank), value)


def _stack(tensors: Sequence[torch.Tensor], dim: int = 0) -> object:
    rank = tensors[0].dim() + 1
    return _cat([t.unsqueeze(dim if dim >= 0 else dim + rank) for t in tensors], dim)


def _hstack(tensors: Sequence[torch.Tensor]) -> object:
    return _cat(tensors, 0 if tensors[0].dim() == 1 else 1)


def _broadcast_tensors(*tensors: torch.Tensor) -> object:
    shape = torch.broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t.expand(shape) for t in tensors)


_MOVES = (
    "view", "reshape", "flatten", "unflatten", "ravel", "permute", "transpose", "swapaxes", "swapdims", "movedim",
    "moveaxis", "t", "adjoint", "squeeze", "unsqueeze", "expand", "expand_as", "view_as", "reshape_as",
    "broadcast_to", "repeat", "tile", "repeat_interleave", "narrow", "select", "index_select", "chunk", "split",
    "split_with_sizes", "tensor_split", "hsplit", "vsplit", "unbind", "diagonal", "unfold", "take_along_dim",
    "flip", "fliplr", "flipud", "roll", "rot90", "detach", "clone", "contiguous", "alias", "__getitem__", "__iter__",
    "gather",
)  # fmt: skip
_SHAPE_OF = set(spellings("expand_as", "view_as", "reshape_as"))


def _table(rules: Iterable[tuple[Sequence[str], Rule]]) -> dict[Callable[..., object], Rule]:
    return {f: rule for names, rule in rules for f in spellings(*names)}


_ADD, _SUB, _MUL = _binary(Add, torch.add), _binary(Sub, torch.sub), _binary(Mul, torch.mul)
_DIV, _MIN, _MAX = _binary(Div, torch.true_divide), _binary(Min, torch.minimum), _binary(Max, torch.maximum)
_LESS, _LESS_EQUAL = _compare(Relation.LESS, torch.lt), _compare(Relation.LESS_EQUAL, torch.le)
_EQUAL = _compare(Relation.EQUAL, torch.eq)


def _logical(op: Callable[[str, str, str], Op]) -> Rule:
    return _binary(op, lambda a, b: torch.logical_and(torch.as_tensor(a), torch.as_tensor(b)))


def _not(x: Symbolic) -> Symbolic:
    return elementwise(Sub, (1.0, x), torch.logical_not(x.example))


RULES: dict[Callable[..., object], Rule] = {
    **_table(
        [
            (("add", "__add__", "__radd__"), _scaled(_ADD)),
            (("sub", "subtract", "__sub__"), _scaled(_SUB)),
            (("rsub", "__rsub__"), _scaled(_reversed(_SUB))),
            (("mul", "multiply", "__mul__", "__rmul__"), _MUL),
            (("div", "divide", "true_divide", "__div__", "__truediv__"), _DIV),
            (("__rdiv__", "__rtruediv__"), _reversed(_DIV)),
            (("minimum", "fmin"), _MIN),
            (("maximum", "fmax"), _MAX),
            (("lt", "less", "__lt__"), _LESS),
            (("le", "less_equal", "__le__"), _LESS_EQUAL),
            (("gt", "greater", "__gt__"), _reversed(_LESS)),
            (("ge", "greater_equal", "__ge__"), _reversed(_LESS_EQUAL)),
            (("eq", "__eq__"), _EQUAL),
            (("ne", "not_equal", "__ne__"), lambda a, b: _not(_EQUAL(a, b))),  # type: ignore[arg-type]
            (("logical_and", "__and__", "__rand__"), _logical(Mul)),
            (("logical_or", "__or__", "__ror__"), _logical(Max)),
            (("logical_not", "bitwise_not", "__invert__"), _not),
            (("sigmoid", "expit"), _function("sigmoid")),
            (("tanh",), _function("tanh")),
            (("exp",), _function("exp")),
            (("sqrt",), _function("sqrt")),
            (("reciprocal",), _function("reciprocal")),
            (("matmul", "mm", "mv", "bmm", "__matmul__"), _matmul),
            (("__rmatmul__",), _reversed(_matmul)),
            (("sum",), total),
            (("cat", "concat", "concatenate"), _cat),
            (("stack",), _stack),
            (("hstack",), _hstack),
            (("broadcast_tensors",), _broadcast_tensors),
            *(((name,), movement(f)) for name in _MOVES for f in spellings(name)[-1:]),
        ]
    ),
    functional.linear: linear,
    torch.where: _where,
    torch.Tensor.where: lambda x, condition, other: _where(condition, x, other),
    **{getattr(torch.Tensor, name).__get__: movement(getattr(torch.Tensor, name).__get__) for name in ("T", "mT")},
}
"""The rule of each torch function that has an op or moves elements."""
