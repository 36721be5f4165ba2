"""A population's listing from its sections: the tick counter, the reset, and which section runs when.

A section's ticks count from its sample's first tick. Those from the period on lie in later samples: while sample k
runs its tick t, the tick counter of sample k + t // period stands at t % period. Whatever shares a tick runs in the
order of samples, older ones first, so each sample finds every word as if it ran alone.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import pairwise

from compiler.assembly.decisions import Turn, in_turn
from hw_models import instructions as isa

TICK = isa.Word("tick")
"""Counts the ticks of a sample, plus the period before the tick at which it wraps; starts one before the period."""
SAMPLE = isa.Word("sample")
"""Counts the samples of a sequence; starts at -1."""
AGE = isa.Word("age")
"""How many samples entered before this one, up to as many as a section looks back; starts at -1."""


@dataclass(frozen=True)
class Section:
    """Instructions that run at some ticks of each sample, in rising order. Sections of one tick run in their order."""

    ticks: tuple[int, ...]
    body: tuple[isa.Instruction, ...]


@dataclass(frozen=True)
class Reset:
    """At tick `tick` of every `interval`-th sample, before anything else of that tick: words take initial values.

    Not in the first sample: it starts with the words as they are.
    """

    interval: int
    tick: int
    words: tuple[tuple[isa.Word, isa.Source], ...]


def assemble(sections: list[Section], period: int, resets: tuple[Reset, ...] = ()) -> tuple[isa.Instruction, ...]:
    """The listing of a population in which a sample enters every `period` ticks; `ordered` must allow it."""
    again = [Section((r.tick,), _resetting(r, period, f"reset{n}")) for n, r in enumerate(resets)]
    found = ordered([*again, *(s for s in sections if s.body)], period)
    if found is None:
        raise ValueError(f"the sections have no order for samples of {period} ticks")
    oldest = _oldest(found, period, resets)
    # where nothing else is counted at tick 0, the counter wraps at a tick at which there is something to do
    start = 0 if oldest or resets or not found else found[0].ticks[0]
    wrap: list[isa.Instruction] = [isa.Move(TICK, isa.Immediate(start))]
    if oldest:
        wrap += [isa.Add(AGE, AGE, isa.Immediate(1)), isa.Minimum(AGE, AGE, isa.Immediate(oldest))]
    if resets:
        wrap += [
            isa.Add(SAMPLE, SAMPLE, isa.Immediate(1)),
            isa.SkipUnless(SAMPLE, isa.Immediate(resets[0].interval), isa.Test.EQUAL, "started"),
            isa.Move(SAMPLE, isa.Immediate(0)),
            isa.Label("started"),
        ]
    turns = [Turn({_counted(t, period, start): t // period for t in s.ticks}, s.body) for s in _merged(found)]
    return (isa.Add(TICK, TICK, isa.Immediate(1)), *in_turn(turns, TICK, AGE, start + period, period, wrap))


def _counted(tick: int, period: int, start: int) -> int:
    """What the counter stands at: from `start`, where it wraps, on."""
    return start + (tick - start) % period


def initial_counters(sections: list[Section], period: int, resets: tuple[Reset, ...] = ()) -> dict[str, int]:
    """What the counters of `assemble`'s listing start with, by their words."""
    found = {TICK.name: period - 1}
    if _oldest(sections, period, resets):
        found[AGE.name] = -1
    if resets:
        found[SAMPLE.name] = -1
    return found


def _oldest(sections: list[Section], period: int, resets: tuple[Reset, ...]) -> int:
    """How many samples back anything looks; a reset asks whether its sample is the first."""
    ages = [s.ticks[-1] // period for s in sections if s.body]
    return max([*ages, *(r.tick // period + 1 for r in resets)], default=0)


def ordered(sections: list[Section], period: int) -> list[Section] | None:
    """The sections in an order in which, at every tick, older samples come first, and those of one sample as given.

    None where there is no such order.
    """
    at: list[list[tuple[int, int]]] = [[] for _ in range(period)]
    for number, section in enumerate(sections):
        for tick in section.ticks:
            at[tick % period].append((-(tick // period), number))
    after: list[set[int]] = [set() for _ in sections]
    for shared in at:
        numbers = [number for _, number in sorted(shared)]
        if len(set(numbers)) < len(numbers):
            return None
        for first, then in pairwise(numbers):
            after[first].add(then)
    waiting = [0] * len(sections)
    for following in after:
        for number in following:
            waiting[number] += 1
    ready = [number for number, count in enumerate(waiting) if not count]
    found: list[Section] = []
    while ready:
        number = heapq.heappop(ready)
        found.append(sections[number])
        for then in after[number]:
            waiting[then] -= 1
            if not waiting[then]:
                heapq.heappush(ready, then)
    return found if len(found) == len(sections) else None


def _resetting(reset: Reset, period: int, name: str) -> tuple[isa.Instruction, ...]:
    """`age` samples after the one that is reset entered, the counter stands so much further."""
    age = reset.tick // period
    due = isa.SkipUnless(SAMPLE, isa.Immediate(age % reset.interval), isa.Test.EQUAL, name)
    moves = (isa.Move(word, initial) for word, initial in reset.words)
    return (due, _old_enough(age + 1, name), *moves, isa.Label(name))


def _merged(sections: list[Section]) -> list[Section]:
    """Neighbours that run at the same ticks share one guard."""
    merged: list[Section] = []
    for section in sections:
        if merged and merged[-1].ticks == section.ticks:
            merged[-1] = Section(section.ticks, merged[-1].body + section.body)
        else:
            merged.append(section)
    return merged


def _old_enough(age: int, end: str) -> isa.Instruction:
    return isa.SkipUnless(isa.Immediate(age), AGE, isa.Test.LESS_EQUAL, end)
