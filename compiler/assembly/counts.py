"""How many instructions a listing takes, in memory and executed."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.assembly.dispatch import TICK
from hw_models import instructions as isa


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
