"""When each element is computed: with the first sample that allows it, or later, so that fewer others are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from compiler.steps.elements import NEVER, Elements, Sum
from compiler.steps.orbits import Orbits, UnsteadyError
from compiler.steps.pasts import LINEAR, ROUNDING, early_lag, follows, has_moved, number_at, value_of
from compiler.steps.repeated_blocks import Repeated, StateElement
from hw_models.arrays import Floats


@dataclass
class Timing:
    """`late` is how many steps after the first possible one a newest element is computed; `start` of an element what
    it is before the first step, where that matters and has been found."""

    elements: Elements
    orbits: Orbits
    late: dict[int, int] = field(default_factory=dict)
    start: dict[int, float | None] = field(default_factory=dict)
    _starts: dict[int, Floats] = field(default_factory=dict)
    """of operands, by identity"""

    def lag(self, reader: int, element: int) -> int:
        """How many steps before `reader`, a newest element, its operand was computed."""
        late = self.late.get(reader, 0) - self.late.get(self.orbits.newest[element], 0)
        return early_lag(self.orbits, reader, element) + late

    def started(self, head: int, ago: int = 1) -> float:
        """What a newest element was so many steps before the first."""
        past = self.orbits.past.get(head)
        if past is None or past.ever:
            return self.start[head] or 0.0
        return number_at(self.orbits, head, -ago - self.late.get(head, 0)) or 0.0

    def alike(self, heads: Iterable[int]) -> Iterable[list[int]]:
        """Newest elements by their operands and when they are computed: rows of a matrix have the same."""
        found: dict[tuple[int, int], list[int]] = defaultdict(list)
        for head in heads:
            when = self.elements.known[head] + self.late.get(head, 0)
            found[id(self.elements.operands[head]), when].append(head)
        return found.values()

    def sum_of_starts(self, head: int) -> float | None:
        """Of a sum what it is of the starts of its operands, where all have been found."""
        kind, operands = self.elements.kinds[head], self.elements.operands[head]
        if not isinstance(kind, Sum):
            return None
        if id(operands) not in self._starts:
            own = [self._started(operand) for operand in operands]
            if any(value is None for value in own):
                return None
            self._starts[id(operands)] = np.array(own, np.float64)
        return float(np.array(kind.weights) @ self._starts[id(operands)])

    def _started(self, element: int) -> float | None:
        elements = self.elements
        if elements.known[element] == NEVER:
            return elements.values[element]
        return self.start[self.orbits.newest[element]]

    def moving(self, reader: int) -> list[int]:
        """Its operands that change with the samples."""
        return [o for o in self.elements.operands[reader] if self.elements.known[o] != NEVER]


@dataclass
class _Readers:
    """Newest elements with the same operands, known with the same sample; none where an answer is what reads."""

    heads: tuple[int, ...]
    _least: int | None = None

    def late(self, timing: Timing, besides: int) -> int:
        """How late the first of them is computed, `besides` one that reads itself."""
        if besides in self.heads:
            return min(timing.late.get(head, 0) for head in self.heads if head != besides)
        if self._least is None:
            self._least = min((timing.late.get(head, 0) for head in self.heads), default=0)
        return self._least


def timed(elements: Elements, orbits: Orbits, answers: list[int], step: int) -> Timing:
    """The timing of the newest elements, of which the `answers` are given with the sample of `step`."""
    timing = Timing(elements, orbits, start=dict(orbits.start))
    readers: dict[int, list[tuple[_Readers, int]]] = defaultdict(list)
    for answer in answers:
        if elements.known[answer] != NEVER:
            lag = step - (elements.known[orbits.newest[answer]] - orbits.ago[answer])
            readers[orbits.newest[answer]].append((_Readers(()), lag))
    heads = sorted(orbits.start)
    for own in timing.alike(heads):
        group = _Readers(tuple(own))
        for operand in timing.moving(own[0]):
            readers[orbits.newest[operand]].append((group, early_lag(orbits, own[0], operand)))
    for head, early in [*orbits.instead.items(), *orbits.begins.items()]:  # it is read in the step of its reader
        if head in orbits.start and early in orbits.newest:
            readers[orbits.newest[early]].append((_Readers((head,)), 0))
    for head in reversed(heads):  # those that read an element come after it
        lags = [lag + group.late(timing, head) for group, lag in readers[head] if group.heads != (head,)]
        least = min(lags, default=0)
        if head in orbits.later and least < 1:
            raise UnsteadyError("a start is read before it is known", advice="Start from a constant.")
        if least > 0 and (head in orbits.later or _starts_right(timing, head, least)):
            timing.late[head] = least
    return timing


def _starts_right(timing: Timing, head: int, late: int) -> bool:
    """Whether an element that is computed so much later is what it was before the first step: of what its operands
    were, which may be taken to be 0 where nobody has read them."""
    start = timing.start[head]
    if timing.orbits.first[head] != 0 or head in timing.orbits.begins:
        return False
    if start is None:  # nobody looks at that
        return isinstance(timing.elements.kinds[head], LINEAR) and head not in timing.orbits.instead
    if has_moved(timing.orbits, head):
        one = not isinstance(timing.elements.kinds[head], (Repeated, StateElement))  # what a block leaves stays there
        return one and all(follows(timing.orbits, head, -ago) for ago in range(1, late + 1))
    new: dict[int, float] = {}
    found = timing.sum_of_starts(head)
    if found is None:
        found = _start_of(timing, head, new, itself=True)
    if found is None or not np.isclose(found, start, rtol=ROUNDING, atol=ROUNDING):
        return False
    timing.start.update({h: value for h, value in new.items() if h != head})
    return True


def _start_of(timing: Timing, head: int, new: dict[int, float], *, itself: bool = False) -> float | None:
    """What an element was before the first step: as somebody has read it, or as its operands say; `new` takes what is
    found so. None of an input."""
    known = new.get(head, timing.start[head])
    if known is not None and not itself:
        return known
    elements, values = timing.elements, list[float]()
    if not itself and (timing.orbits.first[head] != 0 or not isinstance(elements.kinds[head], LINEAR)):
        new[head] = 0.0
        return 0.0
    new.setdefault(head, 0.0)  # where it is made of itself
    for operand in elements.operands[head]:
        if elements.known[operand] == NEVER:
            values.append(elements.values[operand])
        else:
            value = _start_of(timing, timing.orbits.newest[operand], new)
            if value is None:
                return None
            values.append(value)
    found = value_of(elements.kinds[head], values)
    if found is not None:
        new[head] = found
    return found
