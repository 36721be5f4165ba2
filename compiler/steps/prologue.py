"""The first steps: what elements are before any result of their ops is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from compiler.graph.graph import State, Value
from compiler.graph.names import fresh, numbered
from compiler.graph.ops import Select, StateRead, StateWrite
from compiler.steps.elements import NEVER
from compiler.steps.step_builder import Aged, Location, StepBuilder, TimedValue


@dataclass
class Flags:
    """Whether so many steps have passed: what a value is before then is no result of its op."""

    made: StepBuilder
    read: dict[int, str] = field(default_factory=dict)
    writes: list[StateWrite] = field(default_factory=list)


def flags_of(made: StepBuilder) -> Flags:
    """A state for each number of steps that something waits for: whether they have passed."""
    flags, orbits, timing = Flags(made), made.timing.orbits, made.timing
    most = max((orbits.first[h] + timing.late.get(h, 0) for h in orbits.first if orbits.first[h]), default=0)
    most = max(most, len(orbits.begins) + len(orbits.even_before) > 0)
    before = None
    for number in range(1, most + 1):
        name = fresh(numbered(f"started.{number}"), {s.name for s in made.states}, made.values)
        start, end = (
            made.constant(np.full(1, value), title) for value, title in ((0.0, "not_started"), (1.0, "started"))
        )
        made.states.append(State(name, 1, start, start, end))
        read = fresh(numbered(f"has_{name}"), {s.name for s in made.states}, made.values)
        made.values[read] = Value(read, 1)
        made.ops.append(StateRead(read, name))
        flags.writes.append(StateWrite(name, end if before is None else before))
        flags.read[number] = before = read
    return flags


def begun_from(made: StepBuilder) -> dict[TimedValue, dict[Aged, int]]:
    """The elements whose states start from what is computed in the first step, how old they are there, and from what;
    by what stands for each state."""
    orbits, found = made.timing.orbits, defaultdict[TimedValue, dict[Aged, int]](dict)
    for head, lag in sorted(made.kept):
        start = orbits.begun(head, lag + made.timing.late.get(head, 0) - orbits.later.get(head, 0))
        if start is not None:
            made.before[head, lag] = made.kept[head, lag]
            found[made.before[head, lag][0], NEVER][head, lag] = start
    return found


def begin_at(made: StepBuilder, own: Mapping[Aged, int], flags: Flags) -> None:
    """What is there of steps before, but in the first step what a state starts from."""
    home = made.elements.homes[next(iter(own))[0]]
    assert home is not None
    flag = made.gathered([(flags.read[1], 0)] * len(own), home.value)
    kept = made.gathered([made.before[aged] for aged in own], home.value)
    start = made.gathered([made.place(None, begun) for begun in own.values()], home.value)
    name = made.value(home.value, len(own))
    made.ops.append(Select(name, flag, kept, start))
    made.kept |= {aged: (name, place) for place, aged in enumerate(own)}


def emit_prologue(made: StepBuilder, value: str, heads: list[int], flags: Flags) -> None:
    """What elements are in steps before their first: a number."""
    orbits, timing = made.timing.orbits, made.timing
    waiting: dict[int, list[int]] = defaultdict(list)
    for head in heads:
        if orbits.first[head] > 0:
            waiting[orbits.first[head] + timing.late.get(head, 0)].append(head)
    for number, own in waiting.items():
        flag = made.gathered([(flags.read[number], 0)] * len(own), value)
        computed = made.gathered([made.now[h] for h in own], value)
        start = made.gathered([_instead(made, h) for h in own], value)
        name = made.value(value, len(own))
        made.ops.append(Select(name, flag, computed, start))
        made.now |= {h: (name, place) for place, h in enumerate(own)}


def _instead(made: StepBuilder, head: int) -> Location:
    """What stands for an element before its first step."""
    orbits, timing = made.timing.orbits, made.timing
    if head not in orbits.instead:
        return made.constant(np.array([timing.started(head, 1 - orbits.first[head])]), "number"), 0
    early = orbits.instead[head]
    return made.place(None, early, timing.late.get(head, 0) - timing.late.get(orbits.newest[early], 0))
