"""Chooses the schedule of a sample, and how soon the next one follows.

A schedule is made for a sample alone, and then samples follow each other as soon as ports and words allow. A pipeline
tries schedules whose ports are shared with other samples from the start, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.mapping.mapping_plan import MappingPlan
from compiler.mapping.options import Overlap
from compiler.mapping.overlap import has_order, least_period
from compiler.mapping.populations import Groups
from compiler.mapping.programs import Program, programs
from compiler.mapping.schedule import Schedule
from compiler.mapping.scheduler import make_schedule
from compiler.mapping.traffic import check_reads, disturbances
from compiler.mapping.wiring import Wiring, wire
from hw_models.chip import Chip
from hw_models.errors import ChipError, InputError


@dataclass(frozen=True)
class TimedSchedule:
    """A schedule with all that follows from it; a sample enters every `period` ticks."""

    schedule: Schedule
    wiring: Wiring
    programs: tuple[Program, ...]
    period: int


def choose_timing(plan: MappingPlan, groups: Groups, chip: Chip, overlap: Overlap, resets: bool) -> TimedSchedule:
    """The fewest ticks a sample that `overlap` allows; the result is never out later than without overlap.

    `resets`: whether states will return to their initial values.
    """

    def timing(schedule: Schedule) -> TimedSchedule:
        return TimedSchedule(schedule, wire(plan, groups, schedule), programs(plan, groups, schedule, chip, resets), 0)

    first = timing(make_schedule(plan, groups, chip))
    best = replace(first, period=_alone(first, chip))
    if overlap is Overlap.NONE:
        return best
    together = overlap is Overlap.BLOCKS
    for candidate in (first, timing(make_schedule(plan, groups, chip, patient=True))):
        period = _least(candidate, together, 1, best.period)
        if period is not None and candidate.schedule.latency <= first.schedule.latency:
            best = replace(candidate, period=period)
    if together:
        return best
    longest = max(1 if span.repeat == 1 else span.repeat * span.length for span in first.schedule.blocks)
    for period in range(longest, best.period):
        try:
            candidate = timing(make_schedule(plan, groups, chip, patient=True, period=period))
        except ChipError:
            continue
        in_time = candidate.schedule.latency <= first.schedule.latency
        if in_time and _least(candidate, together, period, period + 1) is not None:
            return replace(candidate, period=period)
    return best


def stretched(timing: TimedSchedule, overlap: Overlap, ticks: int) -> TimedSchedule:
    """The same with a sample every `ticks` ticks. Raises `InputError` where samples would disturb each other."""
    together = overlap is not Overlap.LAYERS
    far = max(ticks, timing.period) + timing.period + timing.schedule.latency
    if ticks == timing.period or (ticks > timing.period and _least(timing, together, ticks, ticks + 1) == ticks):
        return replace(timing, period=ticks)
    possible = timing.period if ticks < timing.period else _least(timing, together, ticks, far)
    raise InputError(
        f"a sample cannot enter every {ticks} ticks",
        where="options",
        numbers=f"the fewest are {timing.period}; the next possible number is {possible}",
        advice=f"Use Options(ticks_per_sample={possible}).",
    )


def _least(timing: TimedSchedule, together: bool, start: int, end: int) -> int | None:
    """The least period from `start` to `end` - 1 at which samples do not disturb each other."""
    wiring = timing.wiring
    words = least_period(timing.programs, timing.schedule.committed, together)
    for period in range(max(start, words), end):
        disturbed = disturbances(wiring.sends, wiring.connections, wiring.reads, period)
        if not disturbed and has_order(timing.programs, period):
            return period
    return None


def _alone(timing: TimedSchedule, chip: Chip) -> int:
    """Ticks until the last thing is done, and no message that is still under way disturbs the next sample."""
    wiring = timing.wiring
    used = [tick for ticks in wiring.sends.values() for tick in ticks] + [read.tick for read in wiring.reads]
    last = max([span.end for span in timing.schedule.blocks] + used)
    for period in range(last + 1, last + chip.max_delay + 3):
        if not disturbances(wiring.sends, wiring.connections, wiring.reads, period):
            return period
    check_reads(wiring.sends, wiring.connections, wiring.reads, last + 1)
    return last + 1
