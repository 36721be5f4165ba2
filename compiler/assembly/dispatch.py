"""A population's listing from its sections: the tick counter, the reset, and which section runs when.

A section's ticks count from its sample's first tick. Those from the period on lie in later samples: while sample k
runs its tick t, the tick counter of sample k + t // period stands at t % period. Whatever shares a tick runs in the
order of samples, older ones first, so each sample finds every word as if it ran alone.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from itertools import pairwise

from compiler.assembly.dispatch_tree import Ring, Turn, alternating, in_turn
from hw_models import isa

TICK = isa.Word("tick")
"""Counts the ticks of a run. In the first samples, at which what belongs to earlier ones must not run, all have numbers
of their own; after them it goes round in a ring of the period, or of a part of it where the parts are alike."""
SAMPLE = isa.Word("sample")
"""Counts the samples of a sequence, from 0."""


@dataclass(frozen=True)
class TickSection:
    """Instructions that run at some ticks of each sample, in rising order. Sections of one tick run in their order."""

    ticks: tuple[int, ...]
    body: tuple[isa.Instruction, ...]
    samples: int = 0
    """how many samples must have entered before the one that it belongs to"""

    def least(self, tick: int, period: int) -> int:
        """How many samples must have entered before the one of the counter, at one of its ticks."""
        return tick // period + self.samples


@dataclass(frozen=True)
class Reset:
    """At tick `tick` of every `interval`-th sample, before anything else of that tick: words take initial values.

    Not in the first sample: it starts with the words as they are.
    """

    interval: int
    tick: int
    words: tuple[tuple[isa.Word, isa.Source], ...]


def assemble(
    sections: list[TickSection], period: int, resets: tuple[Reset, ...] = (), early: bool = False
) -> tuple[isa.Instruction, ...]:
    """The listing of a population in which a sample enters every `period` ticks; `ordered` must allow it.

    `early`: whether what belongs to a sample before the first may run, for nobody sees it.
    """
    found = ordered(_all(sections, period, resets), period)
    if found is None:
        raise ValueError(f"the sections have no order for samples of {period} ticks")
    ring = _ring(found, period, resets, early)
    turns = [Turn(_numbers(section, period, ring), section.body) for section in _merged(found)]
    if ring.short and ring.period == 1:
        return tuple(instruction for turn in turns for instruction in turn.body)
    if ring.short and ring.period == 2:
        return (isa.Subtract(TICK, isa.Immediate(1), TICK), *alternating(turns, ring))
    return (isa.Add(TICK, TICK, isa.Immediate(1)), *in_turn(turns, ring))


def initial_counters(
    sections: list[TickSection], period: int, resets: tuple[Reset, ...] = (), early: bool = False
) -> dict[str, int]:
    """What the counters of `assemble`'s listing start with, by their words."""
    ring = _ring(_all(sections, period, resets), period, resets, early)
    if ring.short:
        return {TICK.name: ring.period - 1} if ring.period > 1 else {}
    return {TICK.name: -1, SAMPLE.name: 0} if resets else {TICK.name: -1}


def _all(sections: list[TickSection], period: int, resets: tuple[Reset, ...]) -> list[TickSection]:
    again = [TickSection((r.tick,), _resetting(r, period, f"reset{n}"), 1) for n, r in enumerate(resets)]
    return [*again, *(s for s in sections if s.body)]


def _ring(sections: list[TickSection], period: int, resets: tuple[Reset, ...], early: bool) -> Ring:
    """The numbers of the counter. Where all samples are alike, it wraps where there is work: one test for both."""
    oldest = max((s.least(s.ticks[-1], period) for s in sections), default=0)
    if not resets and (early or not oldest):
        part = _part(sections, period)
        start = min((tick % part for s in sections for tick in s.ticks), default=0)
        return Ring(TICK, start + 1, start + part, part)
    last = (oldest + 1) * period
    if not resets:
        return Ring(TICK, 0, last, period)
    counting = (
        isa.Add(SAMPLE, SAMPLE, isa.Immediate(1)),
        isa.SkipUnless(SAMPLE, isa.Immediate(resets[0].interval), isa.Test.EQUAL, "started"),
        isa.Move(SAMPLE, isa.Immediate(0)),
        isa.Label("started"),
    )
    return Ring(TICK, 0, last, period, frozenset(range(period, last, period)), counting)


def _part(sections: list[TickSection], period: int) -> int:
    """The shortest part of the period that is like all other parts: in each the same runs at the same ticks."""
    ticks = [{tick % period for tick in section.ticks} for section in sections]

    def alike(part: int) -> bool:
        return period % part == 0 and all({(tick + part) % period for tick in own} == own for own in ticks)

    return next(part for part in range(1, period + 1) if alike(part))


def _numbers(section: TickSection, period: int, ring: Ring) -> frozenset[int]:
    """The numbers at which a section runs: in the ring, and before it where there are samples enough."""
    found: set[int] = set()
    for tick in section.ticks:
        if ring.short:
            found.add(ring.start + (tick - ring.start) % ring.period)
        else:
            found.update(range(section.least(tick, period) * period + tick % period, ring.last, period))
    return frozenset(found)


def ordered(sections: list[TickSection], period: int) -> list[TickSection] | None:
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
    found: list[TickSection] = []
    while ready:
        number = heapq.heappop(ready)
        found.append(sections[number])
        for then in after[number]:
            waiting[then] -= 1
            if not waiting[then]:
                heapq.heappush(ready, then)
    return found if len(found) == len(sections) else None


def _resetting(reset: Reset, period: int, name: str) -> tuple[isa.Instruction, ...]:
    """This many samples after the one that is reset has entered, the counter of samples has advanced by as many."""
    due = isa.Immediate(reset.tick // period % reset.interval)
    moves = (isa.Move(word, initial) for word, initial in reset.words)
    return (isa.SkipUnless(SAMPLE, due, isa.Test.EQUAL, name), *moves, isa.Label(name))


def _merged(sections: list[TickSection]) -> list[TickSection]:
    """Neighbours that run at the same ticks share one guard."""
    merged: list[TickSection] = []
    for section in sections:
        if merged and (merged[-1].ticks, merged[-1].samples) == (section.ticks, section.samples):
            merged[-1] = replace(section, body=merged[-1].body + section.body)
        else:
            merged.append(section)
    return merged
