"""Liveness: where a listing can go, and what is still read from there on; exact, for skips only go forward."""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    return ways_through(listing, label_numbers(listing), known)[0]


def ways_through(
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
    numbers: list[int] = []
    for source in instruction.sources:
        number = _value(source, values)
        if number is None:  # mostly: few places are ever known
            return {place: n for place, n in values.items() if place != target} if target in values else values
        numbers.append(number)
    others = {place: n for place, n in values.items() if place != target}
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


@dataclass(frozen=True)
class Accesses:
    """What each instruction of a listing reads and writes: sets of places, each a bit of an integer."""

    bits: dict[isa.Target, int]
    reads: list[int]
    writes: list[int]


def accesses(listing: Sequence[isa.Instruction]) -> Accesses:
    """The accesses of each instruction to registers and words."""
    bits: dict[isa.Target, int] = {}
    found = Accesses(bits, [], [])
    for instruction in listing:
        read, target = 0, isa.target(instruction)
        for place in instruction.sources:
            if isinstance(place, (isa.Register, isa.Word)):
                read |= bits.setdefault(place, 1 << len(bits))
        found.reads.append(read)
        found.writes.append(0 if target is None else bits.setdefault(target, 1 << len(bits)))
    return found


@dataclass(frozen=True)
class Live:
    """The places that are read after each instruction before they are written anew, and those read from the start."""

    bits: Mapping[isa.Target, int]
    after: Sequence[int]
    start: int

    def is_read(self, place: isa.Target, number: int) -> bool:
        """Whether a place of the listing is still read after this instruction."""
        return bool(self.after[number] & self.bits[place])


def live_after(listing: Sequence[isa.Instruction], onward: Ways) -> Live:
    """What is live after each instruction; nothing is read after the listing's end."""
    places = accesses(listing)
    *after, start = live_sets(places, onward, 0)
    return Live(places.bits, after, start)


def live_sets(places: Accesses, onward: Ways, at_end: int) -> list[int]:
    """The bits of what is live after each instruction, where `at_end` are read at the end. Last: from the start."""
    reads, writes = places.reads, places.writes
    before, after = [0] * len(reads) + [at_end], [0] * len(reads)
    for number in reversed(onward):
        alive = 0
        for way in onward[number]:
            alive |= before[way]
        after[number] = alive
        before[number] = alive & ~writes[number] | reads[number]
    return [*after, before[0]]
