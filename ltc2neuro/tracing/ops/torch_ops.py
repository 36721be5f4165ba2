"""The table of torch functions that have an op in the graph, or move elements.

A rule takes what torch's function takes. The table is keyed by the torch function itself; `spellings` finds all ways
to write one (`torch.add`, `Tensor.add`, `Tensor.__add__`). What is built from these is in `decompositions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import torch
import torch.nn.functional as functional

from compiler.functions import FUNCTIONS
from compiler.graph import Op
from compiler.graph.ops import Add, Div, Max, Min, Mul, Sub
from ltc2neuro.tracing.ops import logic, over_time
from ltc2neuro.tracing.ops import shape_ops as moves
from ltc2neuro.tracing.ops.added_up import adding, dividing, scaling
from ltc2neuro.tracing.ops.elementwise import Operand, apply, elementwise
from ltc2neuro.tracing.ops.embedding import embedding
from ltc2neuro.tracing.ops.linear import linear, matmul, total
from ltc2neuro.tracing.recording.symbolic import Symbolic, plain

TorchRule: TypeAlias = Callable[..., object]
TorchRules: TypeAlias = "dict[Callable[..., object], TorchRule]"
T = TypeVar("T")


def spellings(*names: str) -> list[Callable[..., object]]:
    """Torch's function objects of these names, in all places where torch has them."""
    places = (torch, torch.Tensor, functional, torch.special)
    found = [getattr(place, name) for place in places for name in names if hasattr(place, name)]
    return [f for f in found if callable(f)]


def by_spelling(*rows: tuple[Sequence[str], T]) -> dict[Callable[..., object], T]:
    """A table of torch's functions: names in a row, and what it has for each function that is called so."""
    return {f: value for names, value in rows for f in spellings(*names)}


_Maker: TypeAlias = Callable[[str, str, str], Op]


def _binary(op: _Maker, real: Callable[..., torch.Tensor], of_truths: _Maker | None = None) -> Callable[..., Symbolic]:
    """The rule of an op. `of_truths` is what it does with bool tensors: True + True is True."""

    def rule(input: Operand, other: Operand) -> Symbolic:
        example = real(plain(input), plain(other))
        make = of_truths if of_truths is not None and example.dtype == torch.bool else op
        return elementwise(make, (input, other), example)

    return rule


def _reversed(rule: Callable[..., Symbolic]) -> Callable[..., Symbolic]:
    return lambda input, other: rule(other, input)


def _scaled(rule: Callable[..., Symbolic]) -> Callable[..., Symbolic]:
    """`add` and `sub` have a factor `alpha` for the second operand."""

    def scaled(input: Operand, other: Operand, *, alpha: float = 1) -> Symbolic:
        if alpha != 1:  # in the type of the sum: 200 * 2 is 144 in uint8
            kind = torch.result_type(plain(input), plain(other))
            other = (other.to(kind) if isinstance(other, torch.Tensor) else other) * alpha
        return rule(input, other)

    return scaled


def _function(name: str) -> TorchRule:
    return lambda input: apply(name, input)


_ADD, _SUB, _MUL = _binary(Add, torch.add, Max), _binary(Sub, torch.sub), _binary(Mul, torch.mul, Min)
_DIV, _MIN, _MAX = _binary(Div, torch.true_divide), _binary(Min, torch.minimum), _binary(Max, torch.maximum)
_AND = logic.bitwise(logic.logical_and, torch.bitwise_and)
_OR = logic.bitwise(logic.logical_or, torch.bitwise_or)
_XOR = logic.bitwise(logic.logical_xor, torch.bitwise_xor)


MOVES = (
    "view", "reshape", "flatten", "unflatten", "ravel", "permute", "transpose", "swapaxes", "swapdims", "movedim",
    "moveaxis", "t", "adjoint", "squeeze", "unsqueeze", "expand", "broadcast_to", "tile", "repeat_interleave",
    "narrow", "select", "take_along_dim", "chunk", "split", "split_with_sizes",
    "tensor_split", "hsplit", "vsplit", "unbind", "diagonal", "unfold", "detach", "contiguous",
)  # fmt: skip
COPIES = ("repeat", "index_select", "gather", "flip", "fliplr", "flipud", "roll", "rot90")
"""Moves whose result is never a view"""
_CUTS = {"narrow", "select", "split", "split_with_sizes", "tensor_split", "roll"}
"""Moves that may take some rows or steps, or turn them, by numbers"""


RULES: TorchRules = {
    **by_spelling(*(((name,), _function(name)) for name in FUNCTIONS)),
    **by_spelling(
        (("add", "__add__", "__radd__"), adding(_scaled(_ADD))),
        (("sub", "subtract", "__sub__"), _scaled(_SUB)),
        (("rsub", "__rsub__"), _scaled(_reversed(_SUB))),
        (("mul", "multiply", "__mul__", "__rmul__"), scaling(_MUL)),
        (("true_divide", "__div__", "__truediv__"), dividing(_DIV)),
        (("__rdiv__", "__rtruediv__"), _reversed(_DIV)),
        (("minimum", "fmin"), _MIN),
        (("maximum", "fmax"), _MAX),
        (("lt", "less", "__lt__"), logic.less),
        (("le", "less_equal", "__le__"), logic.less_equal),
        (("gt", "greater", "__gt__"), _reversed(logic.less)),
        (("ge", "greater_equal", "__ge__"), _reversed(logic.less_equal)),
        (("eq", "__eq__"), logic.equal_or_none),
        (("ne", "not_equal", "__ne__"), logic.unequal_or_none),
        (("logical_and",), logic.logical_and),
        (("logical_or",), logic.logical_or),
        (("logical_xor",), logic.logical_xor),
        (("logical_not",), logic.logical_not),
        (("bitwise_and", "__and__", "__rand__"), _AND),
        (("bitwise_or", "__or__", "__ror__"), _OR),
        (("bitwise_xor", "__xor__", "__rxor__"), _XOR),
        (("bitwise_not", "__invert__"), logic.bitwise_not),
        (("matmul", "mm", "mv", "bmm", "__matmul__"), matmul),
        (("__rmatmul__",), lambda b, a: matmul(a, b)),
        (("sum",), total),
        (("cat", "concat", "concatenate"), moves.cat),
        (("stack",), moves.stack),
        (("hstack",), moves.hstack),
        (("broadcast_tensors",), moves.broadcast_tensors),
        (("expand_as",), moves.expanded_like),
        (("view_as", "reshape_as"), moves.shaped_like),
        (("clone",), moves.copied),
        (("__iter__",), moves.rows),
        (("__getitem__",), over_time.taken),
    ),
    **{f: moves.movement(f, cuts=name in _CUTS) for name in MOVES for f in spellings(name)},
    **{f: moves.copying(f, cuts=name in _CUTS) for name in COPIES for f in spellings(name)},
    **{f: moves.movement(f) for f in (getattr(torch.Tensor, name).__get__ for name in ("T", "mT", "H", "mH", "data"))},
    functional.linear: linear,
    functional.embedding: embedding,
    torch.sparse.mm: matmul,
    torch.where: logic.where,
    torch.Tensor.where: lambda input, condition, other: logic.where(condition, input, other),
}
"""The rule of each torch function that has an op or moves elements."""
