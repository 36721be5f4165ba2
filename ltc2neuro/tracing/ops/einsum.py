"""`einsum` and what is one: products of tensors, named axis by named axis, summed over what the result lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from string import ascii_letters

import torch
import torch.nn.functional as functional

from ltc2neuro.tracing.recording.symbolic import Symbolic

Tensor = torch.Tensor


def einsum(equation: str, *operands: Tensor) -> Tensor:
    """Torch's, operand by operand: with a constant a linear map, of two computed ones products and a sum."""
    given = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    terms, result = _written_out(equation.replace(" ", ""), given)
    terms, given = map(list, zip(*map(_diagonals, terms, given), strict=True))
    names, value = terms[0], given[0]
    for number, (term, operand) in enumerate(zip(terms[1:], given[1:], strict=True), start=1):
        wanted = set(result).union(*terms[number + 1 :])
        names, value = _product(names, value, term, operand, wanted)
    names, value = _summed(names, value, set(result))
    return value.permute([names.index(letter) for letter in result])


def _diagonals(term: str, operand: Tensor) -> tuple[str, Tensor]:
    """Of axes of one letter the diagonal, as the last axis."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            first = term.index(letter)
            second = term.index(letter, first + 1)
            operand = operand.diagonal(dim1=first, dim2=second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + letter
    return term, operand


def inner(input: Tensor, other: Tensor) -> Tensor:
    """The products of last axes."""
    return tensordot(input, other, ([-1], [-1]))


def tensordot(a: Tensor, b: Tensor, dims: int | tuple[list[int], list[int]] = 2) -> Tensor:
    """The last `dims` axes with as many first ones, or one list of axes with another."""
    if isinstance(dims, Tensor):
        raise TypeError("argument dims is a tensor: give a number, or two lists of axes")
    over_a = list(range(a.dim() - dims, a.dim())) if isinstance(dims, int) else [n % a.dim() for n in dims[0]]
    over_b = list(range(dims)) if isinstance(dims, int) else [n % b.dim() for n in dims[1]]
    letters = iter(ascii_letters)
    of_a = [next(letters) for _ in range(a.dim())]
    pairs = dict(zip(over_b, over_a, strict=True))
    of_b = [of_a[pairs[n]] if n in pairs else next(letters) for n in range(b.dim())]
    kept = [x for n, x in enumerate(of_a) if n not in over_a] + [x for n, x in enumerate(of_b) if n not in pairs]
    return torch.einsum(f"{''.join(of_a)},{''.join(of_b)}->{''.join(kept)}", a, b)


def _written_out(equation: str, operands: list[Tensor]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with letters in place of an ellipsis."""
    left, arrow, result = equation.partition("->")
    terms = left.split(",")
    spare = [letter for letter in ascii_letters if letter not in equation]
    most = 0
    for number, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        if "..." in term:
            axes = operand.dim() - len(term) + 3
            most = max(most, axes)
            terms[number] = term.replace("...", "".join(spare[:axes][::-1]))
    every = "".join(spare[:most][::-1])
    if not arrow:
        alone = sorted(letter for letter in set("".join(terms)) - set(every) if "".join(terms).count(letter) == 1)
        result = "..." + "".join(alone)
    return terms, result.replace("...", every)


def _summed(names: str, value: Tensor, wanted: set[str]) -> tuple[str, Tensor]:
    over = [axis for axis, letter in enumerate(names) if letter not in wanted]
    return "".join(letter for letter in names if letter in wanted), value.sum(over) if over else value


def _product(a: str, x: Tensor, b: str, y: Tensor, wanted: set[str]) -> tuple[str, Tensor]:
    """The product of two operands, summed over the letters that nobody wants any more."""
    if isinstance(y, Symbolic) and not isinstance(x, Symbolic):
        a, x, b, y = b, y, a, x
    a, x = _summed(a, x, wanted | set(b))
    b, y = _summed(b, y, wanted | set(a))
    both = "".join(letter for letter in a if letter in b and letter in wanted)
    over = "".join(letter for letter in a if letter in b and letter not in wanted)
    free_x = "".join(letter for letter in a if letter not in b)
    free_y = "".join(letter for letter in b if letter not in a)
    if over and not both and not isinstance(y, Symbolic):
        x = x.permute([a.index(letter) for letter in free_x + over])
        y = y.permute([b.index(letter) for letter in free_y + over])
        shapes = x.shape[: len(free_x)], y.shape[: len(free_y)]
        inner = math.prod(x.shape[len(free_x) :])
        z = functional.linear(x.reshape(*shapes[0], inner), y.reshape(-1, inner))
        return free_x + free_y, z.reshape(*shapes[0], *shapes[1])
    x = x.permute([a.index(letter) for letter in both + free_x + over])
    y = y.permute([b.index(letter) for letter in both + free_y + over])
    x = x.reshape(*x.shape[: len(both + free_x)], *(1,) * len(free_y), *x.shape[len(both + free_x) :])
    y = y.reshape(*y.shape[: len(both)], *(1,) * len(free_x), *y.shape[len(both) :])
    z = x * y
    return both + free_x + free_y, z.sum(tuple(range(z.dim() - len(over), z.dim()))) if over else z


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`nn.Bilinear`."""
    y = torch.einsum("...i,oij,...j->...o", input1, weight, input2)
    return y if bias is None else y + bias


EINSUMS: dict[Callable[..., object], Callable[..., object]] = {
    torch.einsum: einsum,
    torch.inner: inner,
    torch.Tensor.inner: inner,
    torch.tensordot: tensordot,
    torch.linalg.vecdot: lambda x, y, *, dim=-1: (x * y).sum(dim),
    functional.bilinear: bilinear,
}
"""The decomposition of each."""
