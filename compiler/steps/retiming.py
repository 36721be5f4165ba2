"""How late each element is computed: so that steps keep the fewest words, and rather those of the model's variables.

Leiserson and Saxe, Retiming synchronous circuitry, Algorithmica 6, 1991, with what elements are before the first step.
Elements that are alike move together. What is kept is an L-natural-convex function of how late they are, so that it is
least where no set of them gains by one more step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from compiler.graph.ops import Elementwise
from compiler.steps.closures import best_closure
from compiler.steps.elements import NEVER, Elements, Sum
from compiler.steps.orbits import Orbits, UnsteadyError
from compiler.steps.pasts import early_lag
from compiler.steps.sample_times import Timing
from compiler.steps.starts import EarlyNumbers
from compiler.steps.variables import InVariable
from compiler.steps.wide_sums import WideRow

ANSWERS = 0
"""The group of what reads answers, which are given at once"""
NAMED, UNNAMED, NEAR, LATER = 1 << 20, (1 << 20) + (1 << 14), 1 << 8, 1
"""What a word of a state costs; and what it is worth, where that costs nothing, to compute a variable in the step in
which the model does, or others a step later"""
FAR, NEVER_KEPT, NEVER_MOVES = 1000, 1 << 50, 1 << 60
ReadLater: TypeAlias = frozenset[tuple[int, int]]
"""Groups that read an element, and how many steps later, both as early as can be"""


def timed(elements: Elements, orbits: Orbits, answers: list[int], step: int, named: Mapping[int, InVariable]) -> Timing:
    """The timing of the newest elements, of which the `answers` are given with the sample of `step`; words of
    variables are rather kept: those that are `named`."""
    timing = Timing(elements, orbits)
    given = [(orbits.newest[e], orbits.ago[e]) for e in answers if elements.known[e] != NEVER]
    heads = [(head, step - elements.known[head] + ago) for head, ago in given]
    groups = _groups(timing, heads, {head: _most(orbits, head) for head in sorted(orbits.start)}, named)
    while True:
        late = _least_kept(groups)
        timing.late = {head: late[group] for head, group in groups.of.items() if late[group]}
        starts = EarlyNumbers(orbits)
        starts.make(timing.late)
        if not starts.wrong:
            timing.starts = starts.found
            return timing
        for head, ago in starts.wrong:
            groups.most[groups.of[head]] = min(groups.most[groups.of[head]], ago - 1)


def _most(orbits: Orbits, head: int) -> int:
    """How many steps later an element may be computed, as far as is known before."""
    computed = isinstance(orbits.elements.kinds[head], (Sum, WideRow, Elementwise))
    if any(head == early for early, _ in orbits.even_before) or (head in orbits.later and not computed):
        return orbits.later.get(head, 0)
    if head in orbits.later:
        return FAR
    if orbits.first[head] != 0 or head in orbits.begins:
        return int(head in orbits.remade)
    if not computed or (orbits.start[head] is None and head in orbits.instead):
        return 0  # what a block leaves stays there
    return FAR


@dataclass
class _Alike:
    """Elements `of` groups, which read one another."""

    of: dict[int, int]
    words: dict[tuple[int, ReadLater], int] = field(default_factory=lambda: defaultdict(int))
    """what it costs to keep elements of a group with the same readers for a step"""
    beside: set[tuple[int, int]] = field(default_factory=set)
    """of these the first is computed no later than the second, in whose step it is read"""
    most: dict[int, int] = field(default_factory=dict)
    least: dict[int, int] = field(default_factory=dict)
    near: dict[int, int] = field(default_factory=dict)
    """how late the model computes variables"""


def _groups(
    timing: Timing, answers: list[tuple[int, int]], most: dict[int, int], named: Mapping[int, InVariable]
) -> _Alike:
    """Elements of one value that are known with the same sample, and read by the same."""
    elements, orbits = timing.elements, timing.orbits
    homes = {head: home.value if (home := elements.homes[head]) else "" for head in most}
    of = _numbered({head: (homes[head], elements.known[head], most[head], orbits.later.get(head)) for head in most})
    reads = _reads(timing, answers, of)
    of = _numbered({head: (of[head], reads[head]) for head in most})
    found = _Alike(of, most={of[head]: number for head, number in most.items()})
    of_the_first = {orbits.newest[e] for e in elements.past if e in orbits.newest}
    of_the_first |= set() if elements.late_starts else orbits.later.keys()
    for head, own in _reads(timing, answers, of).items():
        never = head in of_the_first and head not in orbits.begins
        found.words[of[head], own] += NEVER_KEPT if never else NAMED if head in named else UNNAMED
        if head in named and named[head].variable.local:
            found.near[of[head]] = named[head].late
    for head, least in orbits.later.items():
        found.least[of[head]] = max(found.least.get(of[head], 0), least)
    begun = [(head, e) for (head, _), e in orbits.even_before.items()]
    early = [(head, orbits.newest.get(e)) for head, e in [*orbits.instead.items(), *orbits.begins.items(), *begun]]
    found.beside |= {(of[e], of[head]) for head, e in early if head in of and e in of}
    return found


def _numbered(keys: Mapping[int, Hashable]) -> dict[int, int]:
    """Numbers of what has the same key, from 1."""
    numbers: dict[Hashable, int] = defaultdict(lambda: len(numbers) + 1)
    return {head: numbers[key] for head, key in keys.items()}


def _reads(timing: Timing, answers: Iterable[tuple[int, int]], of: Mapping[int, int]) -> dict[int, ReadLater]:
    found: dict[int, set[tuple[int, int]]] = {head: set() for head in of}
    for head, lag in answers:
        found[head].add((ANSWERS, lag))
    for rows in timing.alike(of):
        readers = {of[head] for head in rows}
        for operand in timing.moving(rows[0]):
            lag = early_lag(timing.orbits, rows[0], operand)
            found[timing.orbits.newest[operand]].update((reader, lag) for reader in readers)
    return {head: frozenset(own) for head, own in found.items()}


def _least_kept(groups: _Alike) -> dict[int, int]:
    """How late each group is."""
    late = _feasible(groups)
    while moved := _moved(groups, late):
        for group in moved:
            late[group] += 1
    return late


def _feasible(groups: _Alike) -> dict[int, int]:
    """The least that lets each group be read when it is known."""
    late = {ANSWERS: 0, **dict.fromkeys(groups.most, 0), **groups.least}
    waiting = [*groups.most]
    of: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for group, reads in groups.words:
        of[group] += reads
    for early, head in groups.beside:
        of[early].append((head, 0))
    while waiting:
        group = waiting.pop()
        for reader, lag in of[group]:
            if late[reader] + lag < late[group]:
                late[reader] = late[group] - lag
                if reader == ANSWERS or late[reader] > groups.most[reader]:
                    raise UnsteadyError("a start is read before it is known", advice="Start from a constant.")
                waiting.append(reader)
    return late


def _moved(groups: _Alike, late: Mapping[int, int]) -> set[int]:
    """The groups that gain most together if each is computed one step later."""
    gains = [LATER] * (len(groups.most) + 1)
    for group, near in groups.near.items():
        gains[group] += NEAR if late[group] < near else -NEAR
    needs = {(early, head) for early, head in groups.beside if late[early] == late[head]}
    for (group, reads), words in groups.words.items():
        last = max((late[reader] + lag for reader, lag in reads), default=0)
        needs |= {(group, reader) for reader, lag in reads if late[reader] + lag == late[group]}
        needs |= {(reader, len(gains)) for reader, lag in reads if late[reader] + lag == last}
        gains[group] += words * (len(reads) > 0)
        gains.append(-words)
    for group in [ANSWERS, *(group for group, most in groups.most.items() if late[group] >= most)]:
        gains[group] = -NEVER_MOVES
    return {item for item in best_closure(gains, needs) if item <= len(groups.most)}
