"""The last steps to what a neuron executes: a shorter listing, its words, its registers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from compiler.assembly.peephole import shorten
from compiler.assembly.population import Population
from compiler.assembly.registers import allocate
from compiler.assembly.word_allocation import share_words
from hw_models import isa
from hw_models.chip import Chip
from hw_models.errors import ChipError


def finish(population: Population, chip: Chip, seen: Collection[str] = ()) -> Population:
    """The population as the chip executes it: registers are those of the chip, words those that are used.

    `seen` are words that someone looks at from outside, besides those of states. Raises `ChipError` where a neuron has
    more words than the chip gives it.
    """
    listing, spilled = allocate(shorten(population.listing, chip.word_high), chip.registers, population.words)
    used = {p.name for i in listing for p in (isa.target(i), *i.sources) if isinstance(p, isa.Word)}
    used |= {*seen, *population.states.values()}
    words = {name: word for name, word in population.words.items() if name in used} | dict.fromkeys(spilled, 0)
    found = share_words(replace(population, listing=listing, words=words), seen)
    if chip.neuron_words is not None and len(found.words) > chip.neuron_words:
        raise ChipError(
            "a neuron has more words than the chip gives it",
            where=f"population {population.name}",
            numbers=f"{len(found.words)} words, {len(spilled)} for temporaries that found none of {chip.registers} "
            f"registers; {chip.name} gives {chip.neuron_words} words",
            advice="Use a chip with more words a neuron or more registers, or a cell with fewer values for each unit.",
        )
    return found
