"""Liveness: where a listing can go, and what is still read from there on; exact, for skips only go forward."""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from hw_models import isa

KnownWords: TypeAlias = "dict[isa.Source, int]"
"""Places whose integer is known, the same for all neurons."""
Ways: TypeAlias = "dict[int, tuple[int, ...]]"
"""For each instruction that is reached, in their order, the numbers of those that can follow it; the listing's length
is its end. Of a long listing one tick reaches little."""

_RELATIONS: dict[isa.Test, Callable[[int, int], bool]] = {
    isa.Test.LESS: operator.lt,
    isa.Test.LESS_EQUAL: operator.le,
    isa.Test.EQUAL: operator.eq,
    isa.Test.NOT_EQUAL: operator.ne,
}
_RESULTS: dict[type[isa.Instruction], Callable[..., int]] = {
    isa.Move: lambda a: a,
    isa.Add: operator.add,
    isa.Subtract: operator.sub,
    isa.Minimum: min,
    isa.Maximum: max,
    isa.And: operator.and_,
    isa.MultiplyShift: lambda a, b, shift: a * b >> shift,
    isa.ShiftLeft: operator.lshift,
    isa.ShiftRight: operator.rshift,
    isa.Select: lambda condition, a, b: a if condition else b,
}

MOST_SHIFT = 63
"""Shifted further, nothing is left of the widest word."""


def label_numbers(listing: Sequence[isa.Instruction]) -> dict[str, int]:
    """The number of each label's line."""
    return {i.name: number for number, i in enumerate(listing) if isinstance(i, isa.Label)}


def ways(listing: Sequence[isa.Instruction], known: Mapping[isa.Word, int] | None = None) -> Ways:
    """Where each instruction can go on, for neurons whose words `known` hold these integers at first."""
    return trace(listing, label_numbers(listing), known)[0]


def trace(
    listing: Sequence[isa.Instruction], labels: Mapping[str, int], known: Mapping[isa.Word, int] | None = None
) -> tuple[Ways, KnownWords]:
    """The same, and what is known at the listing's end. `labels` are its `label_numbers`."""
    end = len(listing)
    start: KnownWords = {}
    for word, value in (known or {}).items():
        start[word] = value
    at: dict[int, KnownWords] = {0: start}
    coming: list[int] = [0]
    found: Ways = {}
    while (number := heapq.heappop(coming)) < end:
        values = at[number]
        onward = found[number] = _ways(listing[number], number, values, labels)
        after = _after(listing[number], values)
        for way in onward:
            before = at.get(way)
            if before is None:
                at[way] = after
                heapq.heappush(coming, way)
            else:
                at[way] = {p: v for p, v in before.items() if after.get(p) == v}
    return found, at[end]


def _ways(instruction: isa.Instruction, number: int, values: KnownWords, labels: Mapping[str, int]) -> tuple[int, ...]:
    if isinstance(instruction, isa.Skip):
        return (labels[instruction.to],)
    if isinstance(instruction, isa.SkipUnless):
        a, b = _value(instruction.a, values), _value(instruction.b, values)
        if a is None or b is None:
            return (number + 1, labels[instruction.to])
        return (number + 1 if _RELATIONS[instruction.test](a, b) else labels[instruction.to],)
    return (number + 1,)


def _value(source: isa.Source, values: KnownWords) -> int | None:
    return source.value if isinstance(source, isa.Immediate) else values.get(source)


def _after(instruction: isa.Instruction, values: KnownWords) -> KnownWords:
    """What is known after an instruction other than a skip."""
    target = isa.target(instruction)
    if target is None:
        return values
    found = [_value(source, values) for source in instruction.sources]
    numbers = [n for n in found if n is not None]
    others = {place: n for place, n in values.items() if place != target}
    if len(numbers) < len(found):
        return others
    if isinstance(instruction, isa.Compare):
        return {**others, target: int(_RELATIONS[instruction.test](*numbers))}
    by = shift(instruction)
    if by is not None and not 0 <= (_value(by, values) or 0) <= MOST_SHIFT:
        return others
    return {**others, target: _RESULTS[type(instruction)](*numbers)}


def shift(instruction: isa.Instruction) -> isa.Source | None:
    """The amount by which an instruction shifts; None where it does not."""
    if isinstance(instruction, isa.MultiplyShift):
        return instruction.shift
    return instruction.amount if isinstance(instruction, (isa.ShiftLeft, isa.ShiftRight)) else None


def live_after(
    listing: Sequence[isa.Instruction], onward: Ways, at_end: frozenset[isa.Target] = frozenset()
) -> list[frozenset[isa.Target]]:
    """For each instruction the registers and words that are read after it before they are written anew.

    `at_end` are those that count as read at the listing's end. The last entry of all is what is read from the start.
    """
    nothing: frozenset[isa.Target] = frozenset()
    before = [nothing] * len(listing) + [at_end]
    after = [nothing] * len(listing)
    for number in reversed(onward):
        first, *others = onward[number]
        alive = after[number] = before[first].union(*(before[way] for way in others)) if others else before[first]
        target = isa.target(listing[number])
        unread = alive - {target} if target in alive else alive
        read = [s for s in listing[number].sources if isinstance(s, (isa.Register, isa.Word)) and s not in unread]
        before[number] = unread.union(read) if read else unread
    return [*after, before[0]]
