"""A population's listing from its sections: the tick counter, the reset, and which section runs when."""

from __future__ import annotations

from dataclasses import dataclass

from hw_models import instructions as isa

TICK = isa.Word("tick")
"""Counts the ticks of a sample; starts one before its wrap, so that the first tick of a run is tick 0."""
SAMPLE = isa.Word("sample")
"""Counts the samples of a sequence; starts at -1, so that the first sample resets nothing."""


@dataclass(frozen=True)
class Section:
    """Instructions that run at some ticks of each sample, in rising order. Sections of one tick run in text order."""

    ticks: tuple[int, ...]
    body: tuple[isa.Instruction, ...]


@dataclass(frozen=True)
class Reset:
    """Every `interval` samples, before anything else of tick 0: each word takes its initial value."""

    interval: int
    words: tuple[tuple[isa.Word, isa.Source], ...]


def assemble(sections: list[Section], period: int, reset: Reset | None = None) -> tuple[isa.Instruction, ...]:
    """The listing of a population whose samples take `period` ticks."""
    listing: list[isa.Instruction] = [
        isa.Add(TICK, TICK, isa.Immediate(1)),
        isa.SkipUnless(TICK, isa.Immediate(period), isa.Test.EQUAL, "started"),
        isa.Move(TICK, isa.Immediate(0)),
    ]
    if reset is not None and reset.words:
        listing += [
            isa.Add(SAMPLE, SAMPLE, isa.Immediate(1)),
            isa.SkipUnless(SAMPLE, isa.Immediate(reset.interval), isa.Test.EQUAL, "started"),
            isa.Move(SAMPLE, isa.Immediate(0)),
            *(isa.Move(word, initial) for word, initial in reset.words),
        ]
    listing.append(isa.Label("started"))
    for number, section in enumerate(_merged(sections)):
        listing += _guarded(section, f"s{number}")
    return tuple(listing)


def _merged(sections: list[Section]) -> list[Section]:
    """Neighbours that run at the same ticks share one guard."""
    merged: list[Section] = []
    for section in sections:
        if merged and merged[-1].ticks == section.ticks:
            merged[-1] = Section(section.ticks, merged[-1].body + section.body)
        elif section.body:
            merged.append(section)
    return merged


def _guarded(section: Section, name: str) -> list[isa.Instruction]:
    """The body behind compares of the tick counter; a run of successive ticks takes two."""
    first, last = section.ticks[0], section.ticks[-1]
    end, body = f"{name}_end", f"{name}_body"
    guard: list[isa.Instruction]
    if first == last:
        guard = [isa.SkipUnless(TICK, isa.Immediate(first), isa.Test.EQUAL, end)]
    elif section.ticks == tuple(range(first, last + 1)):
        guard = [
            isa.SkipUnless(isa.Immediate(first), TICK, isa.Test.LESS_EQUAL, end),
            isa.SkipUnless(TICK, isa.Immediate(last), isa.Test.LESS_EQUAL, end),
        ]
    else:
        guard = [isa.SkipUnless(TICK, isa.Immediate(t), isa.Test.NOT_EQUAL, body) for t in section.ticks[:-1]]
        guard += [isa.SkipUnless(TICK, isa.Immediate(last), isa.Test.EQUAL, end), isa.Label(body)]
    return [*guard, *section.body, isa.Label(end)]
