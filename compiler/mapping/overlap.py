"""How soon a sample may follow the one before, so that no neuron notices; and where states return to their start.

Two samples share the neurons' words. Every pair of accesses to a word of which one writes must keep its order: the
older sample's first, and in one tick the listing keeps it. The ports are `traffic`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from compiler.assembly.dispatch import Reset, TickSection, assemble, initial_counters, ordered
from compiler.graph.names import fresh, primed
from compiler.mapping.mapped_network import Population, StateMonitor
from compiler.mapping.programs import Program
from hw_models import isa


@dataclass(frozen=True)
class Uses:
    """The first and last tick of a sample at which a word is used, and at which it is written, if ever."""

    first: int
    last: int
    first_write: int | None
    last_write: int | None

    def least_period(self) -> int:
        """This many ticks later another sample may begin."""
        if self.first_write is None or self.last_write is None:
            return 1
        return max(self.last_write - self.first, self.last - self.first_write, 1)


def uses(sections: Iterable[TickSection]) -> dict[str, Uses]:
    """All words that the sections use."""
    used: dict[str, list[int]] = {}
    written: dict[str, list[int]] = {}
    for section in sections:
        ends = [section.ticks[0], section.ticks[-1]]
        for instruction in section.body:
            target = isa.target(instruction)
            if isinstance(target, isa.Word):
                written.setdefault(target.name, []).extend(ends)
            for place in (target, *instruction.sources):
                if isinstance(place, isa.Word):
                    used.setdefault(place.name, []).extend(ends)
    found: dict[str, Uses] = {}
    for name, ticks in used.items():
        writes = written.get(name, [])
        found[name] = Uses(min(ticks), max(ticks), min(writes, default=None), max(writes, default=None))
    return found


def least_period(programs: Sequence[Program], committed: Mapping[str, int], together: bool) -> int:
    """The fewest ticks of a sample that the words allow. `committed` has the last tick of each state's writes.

    A state counts as written by the next sample when that first uses it, for it may be reset then. `together`: all
    states belong to one sample at a time.
    """
    least = 1
    first, last = [], []
    for program in programs:
        found = uses(program.sections)
        least = max([least, *(u.least_period() for u in found.values())])
        for state, word in program.states.items():
            use = found.get(word.name)
            if use is None:
                continue
            first.append(use.first)
            last.append(use.last)
            least = max(least, use.last - use.first)
            if use.first_write is not None:  # until the commit's tick is over the state is there to be seen
                least = max(least, committed.get(state, 0) - use.first_write + 1)
    return max(least, max(last) - min(first)) if together and first else least


def has_order(programs: Sequence[Program], period: int) -> bool:
    """Whether all sections that share a tick can run in the order of their samples."""
    resets = ([TickSection((t,), ()) for t in set(_reset_ticks(p, period).values())] for p in programs)
    return all(ordered([*own, *p.sections], period) is not None for own, p in zip(resets, programs, strict=True))


def population(
    program: Program, period: int, reset_interval: int | None, committed: Mapping[str, int]
) -> tuple[Population, list[StateMonitor]]:
    """The population for samples of `period` ticks, and where its states are found.

    A state that is reset in the tick of its last commit is kept in a word of its own to be seen.
    """
    sections = list(program.sections)
    words = dict(program.words)
    monitors: list[StateMonitor] = []
    resets = _resets(program, period, reset_interval)
    again = {word: reset.tick for reset in resets for word, _ in reset.words}
    for state, word in program.states.items():
        tick, seen = committed.get(state, 0), word
        if word in again and again[word] + period == tick:
            seen = isa.Word(fresh(primed(f"{word.name}.seen"), words))
            words[seen.name] = words[word.name]
            sections = [_copying(s, word, seen) if tick in s.ticks else s for s in sections]
        monitors.append(StateMonitor(state, program.name, seen.name, tick))
    found = Population(
        program.name,
        program.size,
        assemble(sections, period, resets, program.early),
        {**initial_counters(sections, period, resets, program.early), **words},
        program.sum_ports,
        program.message_ports,
        {state: word.name for state, word in program.states.items()},
    )
    return found, monitors


def _reset_ticks(program: Program, period: int) -> dict[str, int]:
    """At which tick of a sample each state may return to its start: the sample before is done with it then."""
    found = uses(program.sections)
    last = {state: found[word.name].last if word.name in found else 0 for state, word in program.states.items()}
    return {state: max(0, tick - period) for state, tick in last.items()}


def _resets(program: Program, period: int, interval: int | None) -> tuple[Reset, ...]:
    if interval is None:
        return ()
    at: dict[int, list[tuple[isa.Word, isa.Source]]] = {}
    for state, tick in _reset_ticks(program, period).items():
        at.setdefault(tick, []).append((program.states[state], program.initial[state]))
    return tuple(Reset(interval, tick, tuple(words)) for tick, words in sorted(at.items()))


def _copying(section: TickSection, word: isa.Word, copy: isa.Word) -> TickSection:
    """The section, which keeps a copy of what it writes."""
    writes = any(isa.target(instruction) == word for instruction in section.body)
    return replace(section, body=(*section.body, isa.Move(copy, word))) if writes else section
