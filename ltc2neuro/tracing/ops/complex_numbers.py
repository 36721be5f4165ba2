"""Complex numbers: what each function does with the real and the imaginary parts, which are real tensors.

A part that is None is 0, so that a product with real numbers is two products, not four.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TypeAlias

import torch
import torch.nn.functional as functional

from ltc2neuro.tracing.ops.torch_ops import COPIES, MOVES, by_spelling, spellings
from ltc2neuro.tracing.recording.symbolic import ComplexPair, paired

Tensor = torch.Tensor
AnyNumber: TypeAlias = "Tensor | complex"
PairPart: TypeAlias = "Tensor | float | None"
LARGEST = 16
"""The largest power that is made of products"""


def parts(value: AnyNumber) -> tuple[PairPart, PairPart]:
    """The real and the imaginary part."""
    if isinstance(value, ComplexPair):
        return value.re, value.im
    if isinstance(value, Tensor):
        return (value.real, value.imag) if value.is_complex() else (value, None)
    return value.real if value.real or not value.imag else None, value.imag or None


def joined(re: PairPart, im: PairPart) -> Tensor:
    """The complex tensor of two parts, one of which is a tensor at least."""
    like = re if isinstance(re, Tensor) else im
    assert isinstance(like, Tensor)
    both = [part if isinstance(part, Tensor) else torch.full_like(like, part or 0.0) for part in (re, im)]
    kind = torch.promote_types(both[0].dtype, both[1].dtype)
    both = [part if part.dtype == kind else part.to(kind) for part in both]
    if both[0].shape != both[1].shape:
        both = [*torch.broadcast_tensors(*both)]
    return paired(both[0], both[1])


def _pair(value: Tensor) -> tuple[Tensor, Tensor]:
    """The parts of a tensor, zeros where there is none."""
    re, im = (_or_zero(part, value) for part in parts(value))
    assert isinstance(re, Tensor) and isinstance(im, Tensor)
    return re, im


def _or_zero(part: PairPart, like: AnyNumber) -> Tensor | float:
    if part is not None:
        return part
    return torch.zeros_like(like, dtype=like.dtype.to_real()) if isinstance(like, Tensor) else 0.0


def both(function: Callable[..., object], *values: AnyNumber | Sequence[AnyNumber]) -> object:
    """The same of the real and of the imaginary parts: of numbers, or of lists of them."""
    given: list[list[object]] = [[], []]
    for value in values:
        several = [value] if isinstance(value, (Tensor, complex, float, int)) else value
        pairs = [[_or_zero(part, v) for part in parts(v)] for v in several]
        for n, own in enumerate(given):
            one = [pair[n] for pair in pairs]
            own.append(one[0] if several is not value else one)
    return _together(function(*given[0]), function(*given[1]))


def _together(re: object, im: object) -> object:
    if isinstance(re, (tuple, list)) and isinstance(im, (tuple, list)):
        return type(re)(map(_together, re, im))
    assert isinstance(re, Tensor) and isinstance(im, Tensor)
    return joined(re, im)


def _of_first(function: Callable[..., object]) -> Callable[..., object]:
    """The rule of a function that moves or adds up the elements of its first argument."""

    def rule(input: AnyNumber | Sequence[AnyNumber], *args: object, **kwargs: object) -> object:
        return both(lambda part: function(part, *args, **kwargs), input)

    return rule


def _multilinear(function: Callable[..., object]) -> Callable[..., Tensor]:
    """The rule of a function that is linear in each of the numbers that it takes, as a product is."""

    def rule(*values: AnyNumber) -> Tensor:
        found: list[PairPart] = [None, None]
        for chosen in product((0, 1), repeat=len(values)):
            own = [parts(value)[part] for value, part in zip(values, chosen, strict=True)]
            if all(part is not None for part in own):
                term, turns = function(*own), sum(chosen)
                assert isinstance(term, Tensor)
                found[turns % 2] = _sum(found[turns % 2], term, less=turns % 4 > 1)
        return joined(*found)

    return rule


def _sum(a: PairPart, b: PairPart, *, less: bool = False) -> PairPart:
    if a is None or b is None:
        return a if b is None else -b if less else b
    return a - b if less else a + b


_MUL = _multilinear(torch.mul)


def _added(value: AnyNumber) -> tuple[PairPart, PairPart]:
    re, im = parts(value)
    return re, value * 0 if im is None and isinstance(value, Tensor) else im


def _add(input: AnyNumber, other: AnyNumber, *, alpha: complex = 1) -> Tensor:
    """What is added is added to both parts, be it 0: each step of a loop does so that starts from a number."""
    pairs = zip(_added(input), _added(other if alpha in (1, -1) else other * alpha), strict=True)
    return joined(*(_sum(a, b, less=alpha == -1) for a, b in pairs))


def _conj(input: Tensor) -> Tensor:
    re, im = _pair(input)
    return joined(re, -im)


def _reciprocal(input: Tensor) -> Tensor:
    re, im = _pair(input)
    size = re * re + im * im
    return joined(re / size, -im / size)


def _div(input: AnyNumber, other: AnyNumber) -> Tensor:
    """By a constant a product with its reciprocal."""
    re, im = parts(other)
    if im is None and re is not None:
        return joined(*(None if part is None else part / re for part in parts(input)))
    return _MUL(input, _reciprocal(other) if isinstance(other, ComplexPair) else 1 / other)


def _linear(input: AnyNumber, weight: AnyNumber, bias: AnyNumber | None = None) -> Tensor:
    y = _multilinear(functional.linear)(input, weight)
    return y if bias is None else _add(y, bias)


def _conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, *args: int, **kwargs: int) -> Tensor:
    y = _multilinear(lambda x, w: functional.conv1d(x, w, None, *args, **kwargs))(input, weight)
    return y if bias is None else _add(y, bias.unsqueeze(-1))


def _einsum(equation: str, *operands: AnyNumber) -> Tensor:
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    return _multilinear(lambda *own: torch.einsum(equation, *own))(*given)


def _size(input: Tensor) -> Tensor:
    return torch.hypot(*_pair(input))


def _angle(input: Tensor) -> Tensor:
    re, im = _pair(input)
    return torch.atan2(im, re)


def _exp(input: Tensor) -> Tensor:
    re, im = _pair(input)
    size = torch.exp(re)
    return joined(size * torch.cos(im), size * torch.sin(im))


def _pow(input: Tensor, exponent: AnyNumber) -> Tensor:
    if not isinstance(exponent, int) or not 0 < abs(exponent) <= LARGEST:
        raise TypeError(f"argument exponent = {exponent}: whole powers up to {LARGEST} are supported")
    if exponent < 0:
        return _reciprocal(_pow(input, -exponent))
    half = input if exponent == 1 else _pow(input, exponent // 2)
    return half if exponent == 1 else _MUL(half, half) if exponent % 2 == 0 else _MUL(_MUL(half, half), input)


_EACH = (
    *MOVES, *COPIES, "__getitem__", "sum", "mean", "cumsum", "diff", "cat", "concat", "concatenate", "stack", "hstack",
    "clone", "broadcast_tensors", "expand_as", "view_as", "reshape_as",
)  # fmt: skip
_PRODUCTS = (
    "mul", "multiply", "__mul__", "__rmul__", "matmul", "mm", "mv", "bmm", "__matmul__", "outer", "ger", "inner",
)  # fmt: skip


def _table() -> dict[Callable[..., object], Callable[..., object]]:
    found = {f: _of_first(f) for name in _EACH for f in spellings(name)}
    found |= {f: _multilinear(f) for name in _PRODUCTS for f in spellings(name)}
    found |= {f: _of_first(f) for f in (getattr(torch.Tensor, name).__get__ for name in ("T", "mT"))}
    found |= {getattr(torch.Tensor, name).__get__: rule for name, rule in _PROPERTIES.items()}
    return found | by_spelling(*_RULES)


_PROPERTIES = {
    "real": lambda input: _pair(input)[0],
    "imag": lambda input: _pair(input)[1],
    "H": lambda input: _conj(input).T,
    "mH": lambda input: _conj(input).mT,
}
_RULES: tuple[tuple[Sequence[str], Callable[..., object]], ...] = (
    (("complex",), lambda real, imag: joined(real.clone(), imag.clone())),
    (("view_as_complex",), lambda input: joined(input[..., 0], input[..., 1])),
    (("view_as_real",), lambda input: torch.stack(_pair(input), -1)),
    (("polar",), lambda abs, angle: joined(abs * torch.cos(angle), abs * torch.sin(angle))),
    (("real",), _PROPERTIES["real"]),
    (("imag",), _PROPERTIES["imag"]),
    (("conj", "conj_physical"), _conj),
    (("resolve_conj", "resolve_neg", "positive", "__pos__"), lambda input: input),
    (("adjoint",), lambda input: _conj(input).mT),
    (("neg", "negative", "__neg__"), lambda input: joined(*(None if part is None else -part for part in parts(input)))),
    (("add", "__add__", "__radd__"), _add),
    (("sub", "subtract", "__sub__"), lambda input, other, *, alpha=1: _add(input, other, alpha=-alpha)),
    (("rsub", "__rsub__"), lambda input, other: _add(other, input, alpha=-1)),
    (("div", "divide", "true_divide", "__div__", "__truediv__"), _div),
    (("__rdiv__", "__rtruediv__"), lambda input, other: _div(other, input)),
    (("__rmatmul__",), lambda input, other: _multilinear(torch.matmul)(other, input)),
    (("linear",), _linear),
    (("conv1d",), _conv1d),
    (("einsum",), _einsum),
    (("tensordot",), lambda a, b, dims=2: _multilinear(lambda x, y: torch.tensordot(x, y, dims))(a, b)),
    (("addcmul",), lambda input, tensor1, tensor2, *, value=1: _add(input, _MUL(tensor1, tensor2), alpha=value)),
    (("lerp",), lambda input, end, weight: _add(input, _MUL(weight, _add(end, input, alpha=-1)))),
    (("abs", "absolute", "__abs__"), _size),
    (("angle",), _angle),
    (("exp",), _exp),
    (("log",), lambda input: joined(torch.log(_size(input)), _angle(input))),
    (("reciprocal",), _reciprocal),
    (("square",), lambda input: _MUL(input, input)),
    (("pow", "__pow__"), _pow),
    (("where",), lambda condition, input, other: both(lambda a, b: torch.where(condition, a, b), input, other)),
    (("masked_fill",), lambda input, mask, value: both(lambda a, b: torch.where(mask, b, a), input, value)),
    (("pad",), lambda input, pad, mode="constant", value=None: both(
        lambda part, number: functional.pad(part, pad, mode, number), input, value or 0.0)),
)  # fmt: skip
COMPLEX_NUMBERS = _table()
"""The rule of each function that takes complex numbers, or gives them."""


def cast(input: Tensor, example: Tensor) -> Tensor:
    """In the type that an `example` has in torch; as there, a real number has no imaginary part."""
    re, im = (part.to(example.dtype.to_real()) for part in _pair(input))
    return joined(re, im) if example.is_complex() else re
