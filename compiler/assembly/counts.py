"""How many instructions a listing takes: in memory, and executed."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.assembly.dispatch import TICK
from compiler.assembly.liveness import ways
from hw_models import isa


def code_instructions(listing: Sequence[isa.Instruction]) -> int:
    """Instructions that the program takes in memory.

    >>> code_instructions([isa.Label("end"), isa.Maximum(isa.Word("v"), isa.Word("v"), isa.Immediate(0))])
    2
    """
    return sum(i.cost for i in listing)


def executed_instructions(listing: Sequence[isa.Instruction], tick: int, period: int) -> int:
    """The most instructions that a neuron executes at tick `tick` of a sample of `period` ticks, over all its data."""
    onward = ways(listing, before_tick(listing, tick, period))
    longest = [0] * (len(listing) + 1)
    for number in range(len(listing) - 1, -1, -1):
        longest[number] = listing[number].cost + max((longest[way] for way in onward[number]), default=0)
    return longest[0]


def before_tick(listing: Sequence[isa.Instruction], tick: int, period: int) -> dict[isa.Word, int]:
    """What the tick counter holds before the listing is executed at tick `tick`, when it goes round in its ring."""
    moves = (i.a for i in listing if isinstance(i, isa.Move) and i.dest == TICK)
    start = next((a.value for a in moves if isinstance(a, isa.Immediate)), 0)
    return {TICK: start + (tick - start - 1) % period}
