"""What later steps read of a step: states, and how many steps back."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from compiler.graph.graph import State
from compiler.graph.names import fresh, numbered
from compiler.steps.elements import NEVER, Same
from compiler.steps.sample_times import Timing
from compiler.steps.step_builder import Location, StepBuilder, TimedValue
from compiler.steps.variables import Variables

_NUMBER = re.compile(r"_\d+$")
"""That of a value of which there is one in each step"""


def depths(timing: Timing, answers: Iterable[tuple[int, int]]) -> dict[int, int]:
    """How many steps back each newest element is read."""
    depth: dict[int, int] = defaultdict(int)
    for element, lag in answers:
        if timing.elements.known[element] != NEVER:
            head = timing.orbits.newest[element]
            depth[head] = max(depth[head], lag)
    for reader, *_ in timing.alike(timing.orbits.start):
        for operand in timing.moving(reader):
            head = timing.orbits.newest[operand]
            depth[head] = max(depth[head], timing.lag(reader, operand))
    return depth


def states(
    made: StepBuilder, homes: Mapping[TimedValue, list[int]], depth: Mapping[int, int], known: Variables
) -> list[tuple[str, str, Callable[[], list[Location]]]]:
    """States for what is read later, read at once; what is written to each is known at the end."""
    found = []
    for (title, _), heads in _together(made, homes, known).items():
        home = made.elements.homes[heads[0]]
        assert home is not None
        for lag in range(1, max((depth[h] for h in heads), default=0) + 1):
            own = [h for h in heads if depth[h] >= lag]
            start = np.array([made.timing.started(h, lag) for h in own])
            name = f"{title}.{lag}_ago" if title == "x" or lag > 1 else title
            name = fresh(numbered(name), {s.name for s in made.states}, made.values)
            initial, ends = made.constant(start, f"{name}.start"), known.ends(own)
            if ends is not None:
                ends = np.minimum(ends[0], start), np.maximum(ends[1], start)
            low, high = (None, None) if ends is None else map(made.constant, ends, (f"{name}.low", f"{name}.high"))
            made.states.append(State(name, len(own), initial, low, high, made.modules(home.value)))
            read = made.read(name, home.value, _lines(made, own))
            made.kept |= {(head, lag): (read, place) for place, head in enumerate(own)}

            def places(own: Sequence[int] = own, lag: int = lag) -> list[Location]:
                return [made.now[h] if lag == 1 else made.kept[h, lag - 1] for h in own]

            found.append((name, home.value, places))
    return found


def _lines(made: StepBuilder, heads: Sequence[int]) -> tuple[str, ...]:
    """Where elements are computed; of samples, where one is first read in a later step."""
    homes = [made.elements.homes[head] for head in heads]
    lines = next((made.elements.graph.values[home.value].lines for home in homes if home), ())
    if lines:
        return lines
    for reader, *_ in made.timing.alike(made.timing.orbits.start):
        read = ((made.timing.orbits.newest[o], made.timing.lag(reader, o)) for o in made.timing.moving(reader))
        later = any(h in heads and (lag > 0 or isinstance(made.elements.kinds[h], Same)) for h, lag in read)
        home = made.elements.homes[reader]
        if later and home and made.elements.graph.values[home.value].lines:
            return made.elements.graph.values[home.value].lines
    return ()


def _together(
    made: StepBuilder, homes: Mapping[TimedValue, list[int]], known: Variables
) -> dict[tuple[str, object], list[int]]:
    """The newest elements that are one state, by what it is called: those of a variable, else of a value."""
    found: dict[tuple[str, object], list[int]] = defaultdict(list)
    taken: dict[tuple[str, int], int] = defaultdict(int)
    for source, heads in homes.items():
        for head in heads:
            if source[0] == made.elements.graph.entry.out:
                found["x", source].append(head)
            elif isinstance(kind := made.elements.kinds[head], Same):
                of = made.timing.orbits.newest.get(kind.start if kind.held else made.elements.operands[head][0])
                value, _, title = source[0].rpartition(".")
                name = value if of is None or of not in known.of else known.of[of].variable.name
                name = "x" if value == made.elements.graph.entry.out else made.called(name)
                found[f"{name}.{title}", source].append(head)
            elif head in known.of:
                variable, place, *_ = known.of[head]
                found[made.called(variable.name), taken[variable.name, place]].append(head)
                taken[variable.name, place] += 1  # a cell may be called twice in a step
            else:
                title = made.called(known.titles.get(source[0], source[0]))
                found[_NUMBER.sub("", title), source].append(head)
    return {key: sorted(own, key=known.place) for key, own in found.items()}
