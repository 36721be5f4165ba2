"""How many instructions a listing takes: in memory, and executed."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.assembly.dispatch import TICK
from compiler.assembly.liveness import label_numbers, ways_through
from hw_models import isa


def code_instructions(listing: Sequence[isa.Instruction]) -> int:
    """Instructions that the program takes in memory.

    >>> code_instructions([isa.Label("end"), isa.Maximum(isa.Word("v"), isa.Word("v"), isa.Immediate(0))])
    2
    """
    return sum(i.cost for i in listing)


def executed_instructions(listing: Sequence[isa.Instruction], period: int) -> tuple[int, ...]:
    """The most instructions that a neuron executes at each tick of a sample of `period` ticks, over all its data.

    It is that of a tick counter that goes round in its ring.
    """
    moves = (i.a for i in listing if isinstance(i, isa.Move) and i.dest == TICK)
    start = next((a.value for a in moves if isinstance(a, isa.Immediate)), 0)
    found: list[int] = []
    labels = label_numbers(listing)
    number: int | None = start
    while number is not None and (number != start or not found):
        onward, known = ways_through(listing, labels, {TICK: number})
        longest = {len(listing): 0}
        for line in reversed(onward):
            longest[line] = listing[line].cost + max(longest[way] for way in onward[line])
        found.append(longest[0])
        number = known.get(TICK)
    return tuple(found[(tick - start - 1) % len(found)] for tick in range(period))
