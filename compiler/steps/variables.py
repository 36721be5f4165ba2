"""What a model calls its states, and where they stay."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from compiler.steps.elements import NEVER, Elements
from compiler.steps.orbits import Orbits
from compiler.steps.sample_times import Timing
from hw_models.arrays import Floats, Integers

StateBound: TypeAlias = Callable[[Floats], tuple[Floats, Floats]]
"""low and high, for every step, from what a state starts at"""


def bound_between(low: Floats | float, high: Floats | float) -> StateBound:
    """The bound of a state that is a mean of itself and of values from `low` to `high`: these, and its start."""
    return lambda initial: (np.minimum(initial, low), np.maximum(initial, high))


within_one = bound_between(-1.0, 1.0)


@dataclass(frozen=True)
class ValueElements:
    """Elements of a value of the unrolled graph."""

    value: str
    index: Integers


@dataclass(frozen=True)
class Variable:
    """A variable, where it is at some step; of a cell's state where it was `before` that step.

    It keeps within its `bound` where the one before is what the cell left in the step before. `grows`: it may grow
    without bound.
    """

    name: str
    after: ValueElements
    before: ValueElements | None = None
    bound: StateBound | None = None
    grows: bool = False

    def known(self, values: Container[str]) -> bool:
        """Whether its elements are among these values."""
        return self.after.value in values and (self.before is None or self.before.value in values)

    def renamed(self, called: Callable[[str], str]) -> Variable:
        """The same where values have other names."""
        before = None if self.before is None else replace(self.before, value=called(self.before.value))
        return replace(self, after=replace(self.after, value=called(self.after.value)), before=before)


@dataclass(frozen=True)
class Variables:
    """Those of the newest elements, each with its place."""

    timing: Timing
    of: Mapping[int, tuple[Variable, int]]

    def place(self, head: int) -> int:
        """That of a newest element in its variable; -1 of one that has none."""
        return self.of[head][1] if head in self.of else -1

    def ends(self, heads: Sequence[int]) -> tuple[Floats, Floats] | None:
        """Between what elements of a variable stay."""
        for variable in {id(v): v for v, _ in (self.of[h] for h in heads if h in self.of)}.values():
            ends = self._ends(variable)
            if ends is not None:
                places = [self.of[head][1] for head in heads]
                return ends[0][places], ends[1][places]
        return None

    def _ends(self, variable: Variable) -> tuple[Floats, Floats] | None:
        if variable.bound is None or variable.before is None:
            return None
        orbits = self.timing.orbits
        others = {*orbits.instead, *orbits.begins}
        after, before = (_elements(self.timing.elements, place) for place in (variable.after, variable.before))
        if len(after) != len(before):
            return None
        for a, b in zip(after, before, strict=True):
            own = orbits.newest.get(a)
            if own is None or own in others or (orbits.newest.get(b), orbits.ago.get(b)) != (own, orbits.ago[a] + 1):
                return None
        return variable.bound(np.array([self.timing.started(orbits.newest[e]) for e in after]))


def variables_of(elements: Elements, orbits: Orbits, known: Sequence[Variable]) -> dict[int, tuple[Variable, int]]:
    """Of newest elements the variable that is `known`, and their place in it; of one element the last that is, of a
    cell's state that of the cell."""
    found, before = dict[int, tuple[Variable, int]](), dict[int, int | None]()
    for variable in sorted(known, key=lambda variable: variable.before is not None):
        for place, element in enumerate(_elements(elements, variable.after)):
            own = element if element in orbits.newest else _one_before(elements, orbits, element, before)
            if own in orbits.newest and elements.known[own] != NEVER:
                found[orbits.newest[own]] = variable, place
    return found


def _one_before(elements: Elements, orbits: Orbits, element: int, found: dict[int, int | None]) -> int | None:
    """What an element that no answer needs, such as a state after the last step, was one step before; `found` keeps
    those."""
    if elements.known[element] == NEVER or element in orbits.before:
        return orbits.before.get(element, element)
    if element not in found:
        own = [_one_before(elements, orbits, operand, found) for operand in elements.operands[element]]
        found[element] = elements.equal(elements.kinds[element], [o for o in own if o is not None])
    return found[element]


def _elements(elements: Elements, place: ValueElements) -> list[int]:
    """Its elements; none of what is seen inside a block that repeats alone."""
    seen = place.value in elements.of or place.value in elements.graph.constants
    return elements.read(place.value)[place.index].tolist() if seen else []
