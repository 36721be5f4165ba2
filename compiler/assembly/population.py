"""`Population`: a program of the chip, complete: the listing, and what each neuron's words start with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from compiler.assembly.liveness import MOST_SHIFT, live_after, shift, ways
from hw_models import isa
from hw_models.arrays import Integers


@dataclass(frozen=True)
class Population:
    """Neurons that execute one listing once a tick, each with its own words.

    `words` holds what every word starts with: parameters, states, latches, the tick counter; an array of
    `size` or an int that all neurons share. `states` maps a state of the graph to its word.
    """

    name: str
    size: int
    listing: tuple[isa.Instruction, ...]
    words: dict[str, Integers | int]
    sum_ports: int
    message_ports: int
    states: dict[str, str]


def label_fault(listing: Sequence[isa.Instruction]) -> tuple[int, str] | None:
    """The number of an instruction whose label is wrong, and what was expected: each once, and below its skips."""
    below: set[str] = set()
    for number in range(len(listing) - 1, -1, -1):
        instruction = listing[number]
        if isinstance(instruction, isa.Label):
            if instruction.name in below:
                return number, "a label that stands nowhere else"
            below.add(instruction.name)
        elif isinstance(instruction, (isa.Skip, isa.SkipUnless)) and instruction.to not in below:
            return number, "a label further down"
    return None


def place_fault(
    listing: Sequence[isa.Instruction], words: Collection[str], sums: int, messages: int
) -> tuple[int, str] | None:
    """The number of an instruction that uses what is not there, and what was expected. The labels must be right."""
    alive = live_after(listing, ways(listing))
    unset = {place for place, bit in alive.bits.items() if isinstance(place, isa.Register) and bit & alive.start}
    for number, instruction in enumerate(listing):
        for place in [*instruction.sources, isa.target(instruction)]:
            if isinstance(place, isa.Word) and place.name not in words:
                return number, f"a word that has been declared, not {place.name!r}"
            if isinstance(place, isa.Accumulator) and place.port >= sums:
                return number, f"one of {sums} sums"
            if isinstance(place, isa.Register) and place in unset:
                return number, f"a register that is written before it is read, not {place.name!r}"
        by = shift(instruction)
        if isinstance(by, isa.Immediate) and not 0 <= by.value <= MOST_SHIFT:
            return number, f"a shift by 0 to {MOST_SHIFT}"
        if isinstance(instruction, isa.Send) and instruction.port >= messages:
            return number, f"one of {messages} messages"
    return None
