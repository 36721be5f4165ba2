"""Words that several values take in turn: an interference graph of the values, coloured greedily.

The ticks of a run follow each other, at last in a ring. The tick counter decides what runs at each, so the ways through
the listing are known tick by tick; what is read in a later tick before it is written is live until then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from compiler.assembly.dispatch import SAMPLE, TICK
from compiler.assembly.liveness import Accesses, Ways, accesses, label_numbers, live_sets, ways_through
from compiler.assembly.population import Population
from compiler.graph.names import fresh, primed
from hw_models import isa


def share_words(population: Population, kept: Collection[str]) -> Population:
    """The population with as few words as its values need. States and words of `kept` stay alone."""
    own = {*kept, *population.states.values(), TICK.name, SAMPLE.name}
    written = {isa.target(i) for i in population.listing}
    free = [name for name in population.words if isa.Word(name) in written and name not in own]
    groups = _groups(population, free) if len(free) > 1 else []
    names = {name: _together(group, population.words) for group in groups for name in group}
    if all(name == joined for name, joined in names.items()):
        return population

    def joined(source: isa.Source) -> isa.Source:
        return isa.Word(names.get(source.name, source.name)) if isinstance(source, isa.Word) else source

    def renamed(instruction: isa.Instruction) -> isa.Instruction:
        target, changed = isa.target(instruction), isa.with_sources(instruction, joined)
        if isinstance(target, isa.Word):
            return isa.with_target(changed, isa.Word(names.get(target.name, target.name)))
        return changed

    firsts = {group[0] for group in groups}
    words = {names.get(n, n): w for n, w in population.words.items() if n not in names or n in firsts}
    return replace(population, listing=tuple(map(renamed, population.listing)), words=words)


def _together(group: Sequence[str], taken: Collection[str]) -> str:
    """The name of the word that those of a group share."""
    return group[0] if len(group) == 1 else fresh(primed(" | ".join(group)), taken)


def _groups(population: Population, free: Sequence[str]) -> list[list[str]]:
    """Words of which no two are ever wanted at once; the first of each group is the one whose initial value is."""
    places = accesses(population.listing)
    bits = {name: places.bits[isa.Word(name)] for name in free}
    interferes = dict.fromkeys(places.bits.values(), 0)
    ticks, first = _liveness(population, places)
    for onward, after in ticks:
        for n in onward:
            if places.writes[n]:
                interferes[places.writes[n]] |= after[n]
    for bit in interferes:
        if bit & first:
            interferes[bit] |= first

    def apart(one: str, other: str) -> bool:
        return bool(interferes[bits[one]] & bits[other] or interferes[bits[other]] & bits[one])

    groups: list[list[str]] = []
    for name in sorted(free, key=lambda n: not bits[n] & first):
        group = next((g for g in groups if not any(apart(name, other) for other in g)), None)
        if group is None:
            groups.append([name])
        else:
            group.append(name)
    return groups


def _liveness(population: Population, places: Accesses) -> tuple[list[tuple[Ways, list[int]]], int]:
    """Each tick's ways, with what is live after each instruction; and what is live before the first tick."""
    listing, labels = population.listing, label_numbers(population.listing)
    counter = population.words.get(TICK.name, 0)  # none where all ticks are alike
    seen: dict[int, Ways] = {}
    number: int = counter if isinstance(counter, int) else 0
    while number not in seen:
        seen[number], known = ways_through(listing, labels, {TICK: number})
        number = known.get(TICK, number)
    again = list(seen).index(number)
    onward = list(seen.values())
    start = [0 for _ in onward]
    then: list[int | None] = [None for _ in onward]
    after: list[list[int]] = [[] for _ in onward]
    while True:
        settled = True
        for tick in range(len(onward) - 1, -1, -1):
            at_end = start[tick + 1 if tick + 1 < len(start) else again]
            if at_end != then[tick]:
                then[tick], settled = at_end, False
                after[tick] = live_sets(places, onward[tick], at_end)
                start[tick] = after[tick][-1]
        if settled:
            return list(zip(onward, after, strict=True)), start[0]
