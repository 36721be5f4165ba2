"""The table of torch functions that have an op in the graph, or move elements.

A rule takes what torch's function takes. The table is keyed by the torch function itself; `spellings` finds all ways
to write one (`torch.add`, `Tensor.add`, `Tensor.__add__`). What is built from these is in `decompositions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as functional

from compiler.functions import FUNCTIONS
from compiler.graph import Op
from compiler.graph.ops import Add, Compare, Div, Max, Min, Mul, Relation, Select, Sub
from ltc2neuro.tracing import movement as moves
from ltc2neuro.tracing.elementwise import Operand, apply, elementwise
from ltc2neuro.tracing.linear import linear, matmul, total
from ltc2neuro.tracing.symbolic import Symbolic, plain

Rule: TypeAlias = Callable[..., object]


def spellings(*names: str) -> list[Callable[..., object]]:
    """Torch's function objects of these names, in all places where torch has them."""
    places = (torch, torch.Tensor, functional, torch.special)
    found = [getattr(place, name) for place in places for name in names if hasattr(place, name)]
    return [f for f in found if callable(f)]


def _binary(op: Callable[[str, str, str], Op], real: Callable[..., torch.Tensor]) -> Callable[..., Symbolic]:
    def rule(input: Operand, other: Operand) -> Symbolic:
        return elementwise(op, (input, other), real(plain(input), plain(other)))

    return rule


def _reversed(rule: Callable[..., Symbolic]) -> Callable[..., Symbolic]:
    return lambda input, other: rule(other, input)


def _scaled(rule: Callable[..., Symbolic]) -> Rule:
    """`add` and `sub` have a factor `alpha` for the second operand."""

    def scaled(input: Operand, other: Operand, *, alpha: float = 1) -> Symbolic:
        return rule(input, other if alpha == 1 else other * alpha)

    return scaled


def _compare(relation: Relation, real: Callable[..., torch.Tensor]) -> Callable[..., Symbolic]:
    def on_tensors(a: Operand, b: Operand) -> torch.Tensor:
        return real(torch.as_tensor(a), torch.as_tensor(b))

    return _binary(lambda out, a, b: Compare(out, a, b, relation), on_tensors)


def _both(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.logical_and(a, torch.as_tensor(b))


def _not(input: Symbolic) -> Symbolic:
    """1 - x, for the 0 and 1 of a comparison."""
    return elementwise(Sub, (1.0, input), torch.logical_not(input.example))


def _where(condition: torch.Tensor, input: Operand, other: Operand) -> Symbolic:
    example = torch.where(plain(condition), plain(input), plain(other))
    return elementwise(Select, (condition, input, other), example)


def _function(name: str) -> Rule:
    return lambda input: apply(name, input)


_ADD, _SUB, _MUL = _binary(Add, torch.add), _binary(Sub, torch.sub), _binary(Mul, torch.mul)
_DIV, _MIN, _MAX = _binary(Div, torch.true_divide), _binary(Min, torch.minimum), _binary(Max, torch.maximum)
_LESS, _LESS_EQUAL = _compare(Relation.LESS, torch.lt), _compare(Relation.LESS_EQUAL, torch.le)
_EQUAL = _compare(Relation.EQUAL, torch.eq)

_MOVES = (
    "view", "reshape", "flatten", "unflatten", "ravel", "permute", "transpose", "swapaxes", "swapdims", "movedim",
    "moveaxis", "t", "adjoint", "squeeze", "unsqueeze", "expand", "broadcast_to", "repeat", "tile", "repeat_interleave",
    "narrow", "select", "index_select", "gather", "take_along_dim", "chunk", "split", "split_with_sizes",
    "tensor_split", "hsplit", "vsplit", "unbind", "diagonal", "unfold", "flip", "fliplr", "flipud", "roll", "rot90",
    "detach", "contiguous", "__getitem__",
)  # fmt: skip


def _table(rules: Iterable[tuple[Sequence[str], Rule]]) -> dict[Callable[..., object], Rule]:
    return {f: rule for names, rule in rules for f in spellings(*names)}


RULES: dict[Callable[..., object], Rule] = {
    **_table(((name,), _function(name)) for name in FUNCTIONS),
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
            (("ne", "not_equal", "__ne__"), lambda input, other: _not(_EQUAL(input, other))),
            (("logical_and", "__and__", "__rand__"), _binary(Mul, _both)),
            (("logical_or", "__or__", "__ror__"), _binary(Max, _both)),
            (("logical_not", "bitwise_not", "__invert__"), _not),
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
        ]
    ),
    **{f: moves.movement(f) for name in _MOVES for f in spellings(name)},
    **{f: moves.movement(f) for f in (getattr(torch.Tensor, name).__get__ for name in ("T", "mT"))},
    functional.linear: linear,
    torch.where: _where,
    torch.Tensor.where: lambda input, condition, other: _where(condition, input, other),
}
"""The rule of each torch function that has an op or moves elements."""
