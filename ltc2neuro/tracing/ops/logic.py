"""Comparisons, logic and bits: what is recorded follows torch's types, and whole numbers with more bits are refused."""

from __future__ import annotations

from collections.abc import Callable

import torch

from compiler.graph import Op
from compiler.graph.ops import Compare, Max, Min, Relation, Select, Sub
from ltc2neuro.tracing.ops.elementwise import Operand, elementwise
from ltc2neuro.tracing.ops.embedding import are_tokens, of_each
from ltc2neuro.tracing.recording.symbolic import Symbolic, plain, symbolic, symbols

LogicRule = Callable[..., Symbolic]


def comparison(relation: Relation, real: Callable[..., torch.Tensor]) -> LogicRule:
    """The rule of a comparison: 1 where it holds, else 0."""

    def rule(input: Operand, other: Operand) -> Symbolic:
        a, b = (torch.as_tensor(plain(o)) for o in (input, other))
        example = real(a, b)
        if are_tokens(input) and _is_number(other, a):
            return of_each(input, lambda words: real(words, b.reshape(())))
        if are_tokens(other) and _is_number(input, b):
            return of_each(other, lambda words: real(a.reshape(()), words))
        return elementwise(lambda out, a, b: Compare(out, a, b, relation), (input, other), example)

    return rule


def _is_number(operand: Operand, beside: torch.Tensor) -> bool:
    """Whether it is a single plain number, which a tensor compared with it keeps its shape `beside`."""
    tensor = torch.as_tensor(operand) if not isinstance(operand, Symbolic) else None
    return tensor is not None and tensor.numel() == 1 and tensor.ndim <= beside.ndim


less: LogicRule = comparison(Relation.LESS, torch.lt)
less_equal: LogicRule = comparison(Relation.LESS_EQUAL, torch.le)
equal: LogicRule = comparison(Relation.EQUAL, torch.eq)


def equal_or_none(input: Operand, other: Operand | None) -> Symbolic | bool:
    """`x == y`; no tensor is None."""
    return other is not None and equal(input, other)


def unequal_or_none(input: Operand, other: Operand | None) -> Symbolic | bool:
    """`x != y`."""
    return other is None or unequal(input, other)


def unequal(input: Operand, other: Operand) -> Symbolic:
    """`ne`."""
    return _inverse(equal(input, other))


def _inverse(x: Symbolic) -> Symbolic:
    """1 - x, for the 0 and 1 of a comparison."""
    return elementwise(Sub, (1.0, x), torch.logical_not(x.example))


def truth(x: Operand) -> Operand:
    """Whether each element is not 0, as a bool tensor."""
    if not isinstance(x, Symbolic):
        return torch.as_tensor(x) != 0
    return x if x.example.dtype == torch.bool else unequal(x, 0)


def logical_not(input: Symbolic) -> Symbolic:
    """1 where it is 0."""
    return _inverse(input) if input.example.dtype == torch.bool else equal(input, 0)


def _joined(op: Callable[[str, str, str], Op], real: Callable[..., torch.Tensor]) -> LogicRule:
    def rule(input: Operand, other: Operand) -> Symbolic:
        a, b = truth(input), truth(other)
        return elementwise(op, (a, b), real(plain(a), plain(b)))

    return rule


logical_and: LogicRule = _joined(Min, torch.logical_and)
logical_or: LogicRule = _joined(Max, torch.logical_or)


def logical_xor(input: Operand, other: Operand) -> Symbolic:
    """Whether one of them is 0 and the other is not."""
    return unequal(truth(input), truth(other))


def bitwise(logical: LogicRule, real: Callable[..., torch.Tensor]) -> LogicRule:
    """`&`, `|` and `^`: of bool tensors, and of whole numbers that are 0 or 1, which only bit they then have."""

    def rule(input: Operand, other: Operand) -> Symbolic:
        example = real(plain(input), plain(other))
        if example.dtype == torch.bool:
            return logical(input, other)
        tensors = symbols((input, other))
        recorder = tensors[0].recorder
        if not all(_is_bit(operand) for operand in (input, other)):
            raise recorder.refusal(
                f"{recorder.operation} combines the bits of whole numbers",
                "Compare first, and combine the results: (a > 0) & (b > 0).",
                f"{example.dtype}, not all 0 or 1",
            )
        result = logical(input, other)
        return symbolic(recorder, example, result.codes, result.value)

    return rule


def _is_bit(operand: Operand) -> bool:
    if isinstance(operand, Symbolic):
        known = operand.recorder.reach(operand.value)
        return operand.example.dtype == torch.bool or bool((known.low >= 0).all() and (known.high <= 1).all())
    tensor = torch.as_tensor(operand)
    return bool(((tensor == 0) | (tensor == 1)).all())


def bitwise_not(input: Symbolic) -> Symbolic:
    """The other of two truths; of a whole number x it is -1 - x."""
    if input.example.dtype == torch.bool:
        return _inverse(input)
    return elementwise(Sub, (-1.0, input), torch.bitwise_not(input.example))


def where(condition: torch.Tensor, input: Operand, other: Operand) -> Symbolic:
    """`torch.where`."""
    example = torch.where(plain(condition), plain(input), plain(other))
    return elementwise(Select, (condition, input, other), example)


def features(join: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """`any` and `all` over axes of features: the largest and the smallest of the truths, which `join` finds."""

    def rule(input: Symbolic, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> torch.Tensor:
        truths = truth(input)
        assert isinstance(truths, Symbolic)
        if dim is None:
            raise input.recorder.refusal(
                f"{input.recorder.operation} looks at the whole batch",
                "A guard against NaN or large values belongs before the network, which refuses what is not finite. "
                "To decide for each step: torch.where(condition, a, b), or any(dim=-1, keepdim=True) over features.",
            )
        return join(truths, dim, keepdim)

    return rule
