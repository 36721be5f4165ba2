"""Listings for people: as text, one instruction a line, and counted."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.assembly.dispatch import TICK
from hw_models import instructions as isa


def listing_text(listing: Sequence[isa.Instruction]) -> str:
    """The listing, one instruction a line: words as they are named, registers with %, immediates with #.

    >>> print(listing_text([isa.Add(isa.Register("z"), isa.Accumulator(0), isa.Immediate(5))]))
      %z = sum0 + #5
    """
    return "\n".join(_line(i) for i in listing)


def code_instructions(listing: Sequence[isa.Instruction]) -> int:
    """Instructions that the program takes in memory.

    >>> code_instructions([isa.Label("end"), isa.Maximum(isa.Word("v"), isa.Word("v"), isa.Immediate(0))])
    2
    """
    return sum(i.cost for i in listing)


def executed_instructions(listing: Sequence[isa.Instruction], tick: int) -> int:
    """The most instructions that a neuron executes at tick `tick` of a sample, over all its data."""
    labels = {i.name: n for n, i in enumerate(listing) if isinstance(i, isa.Label)}
    longest = [0] * (len(listing) + 1)
    for number in range(len(listing) - 1, -1, -1):
        instruction = listing[number]
        ahead = longest[number + 1]
        if isinstance(instruction, isa.Skip):
            ahead = longest[labels[instruction.to]]
        elif isinstance(instruction, isa.SkipUnless):
            stays = _at_tick(instruction, tick)
            away = longest[labels[instruction.to]]
            ahead = max(ahead, away) if stays is None else ahead if stays else away
        longest[number] = instruction.cost + ahead
    return longest[0]


def _at_tick(skip: isa.SkipUnless, tick: int) -> bool | None:
    """Whether a compare of the tick counter holds; None for any other compare, and for the counter's wrap."""
    numbers = [tick if s == TICK else s.value if isinstance(s, isa.Immediate) else None for s in (skip.a, skip.b)]
    if TICK not in (skip.a, skip.b) or None in numbers:
        return None
    if skip.to == "started":
        return tick == 0
    a, b = (n for n in numbers if n is not None)
    holds = {
        isa.Test.LESS: a < b,
        isa.Test.LESS_EQUAL: a <= b,
        isa.Test.EQUAL: a == b,
        isa.Test.NOT_EQUAL: a != b,
    }
    return holds[skip.test]


_SYMBOLS: dict[type[isa.Instruction], str] = {
    isa.Add: "+",
    isa.Subtract: "-",
    isa.And: "&",
    isa.ShiftLeft: "<<",
    isa.ShiftRight: ">>",
}


def _source(source: isa.Source) -> str:
    if isinstance(source, isa.Register):
        return f"%{source.name}"
    if isinstance(source, isa.Immediate):
        return f"#{source.value}"
    return f"sum{source.port}" if isinstance(source, isa.Accumulator) else source.name


def _line(i: isa.Instruction) -> str:
    if isinstance(i, isa.Label):
        return f"{i.name}:"
    if isinstance(i, isa.Skip):
        return f"  skip to {i.to}"
    if isinstance(i, isa.SkipUnless):
        return f"  skip to {i.to} unless {_source(i.a)} {i.test.value} {_source(i.b)}"
    if isinstance(i, isa.Send):
        return f"  send{i.port} {_source(i.a)}"
    if isinstance(i, isa.Move):
        return f"  {_source(i.dest)} = {_source(i.a)}"
    if isinstance(i, isa.MultiplyShift):
        return f"  {_source(i.dest)} = {_source(i.a)} * {_source(i.b)} >> {_source(i.shift)}"
    if isinstance(i, isa.Compare):
        return f"  {_source(i.dest)} = {_source(i.a)} {i.test.value} {_source(i.b)}"
    if isinstance(i, isa.Select):
        return f"  {_source(i.dest)} = {_source(i.condition)} ? {_source(i.a)} : {_source(i.b)}"
    if isinstance(i, (isa.Minimum, isa.Maximum)):
        name = "min" if isinstance(i, isa.Minimum) else "max"
        return f"  {_source(i.dest)} = {name}({_source(i.a)}, {_source(i.b)})"
    if isinstance(i, (isa.ShiftLeft, isa.ShiftRight)):
        return f"  {_source(i.dest)} = {_source(i.a)} {_SYMBOLS[type(i)]} {_source(i.amount)}"
    if isinstance(i, (isa.Add, isa.Subtract, isa.And)):
        return f"  {_source(i.dest)} = {_source(i.a)} {_SYMBOLS[type(i)]} {_source(i.b)}"
    return f"  {i}"
