"""What a model calls its states, and where they stay."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np

from compiler.steps.elements import NEVER, Elements
from compiler.steps.orbits import Orbits
from compiler.steps.sample_times import Timing
from hw_models.arrays import Floats, Integers

_CALL = re.compile(r"#\d+")
"""Which one of a module's calls"""
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
    without bound. One in a list or tuple is of its `group`, whose name that is.
    """

    name: str
    after: ValueElements
    before: ValueElements | None = None
    bound: StateBound | None = None
    grows: bool = False
    group: str = ""

    @property
    def local(self) -> bool:
        """Whether it is a function's own, which has it when the step is done."""
        return self.before is None and not self.group

    def known(self, values: Container[str]) -> bool:
        """Whether its elements are among these values."""
        return self.after.value in values and (self.before is None or self.before.value in values)

    def renamed(self, called: Callable[[str], str]) -> Variable:
        """The same where values have other names."""
        before = None if self.before is None else replace(self.before, value=called(self.before.value))
        return replace(self, after=replace(self.after, value=called(self.after.value)), before=before)


class InVariable(NamedTuple):
    """An element's variable, and its place there; how many steps before it has it the element can be computed; and
    whether it is of the module that computes it, or of one around that."""

    variable: Variable
    place: int
    late: int
    own: bool

    @property
    def order(self) -> tuple[bool, int, bool]:
        """Larger of the one that an element is called after: a cell's state, else what has it soonest."""
        return self.variable.before is not None, -self.late, self.own


@dataclass(frozen=True)
class Variables:
    """Those of the newest elements."""

    timing: Timing
    of: Mapping[int, InVariable]
    titles: Mapping[str, str]
    """what values are that have no variable's name"""

    def place(self, head: int) -> int:
        """That of a newest element in its variable; -1 of one that has none."""
        return self.of[head].place if head in self.of else -1

    def ends(self, heads: Sequence[int]) -> tuple[Floats, Floats] | None:
        """Between what elements of a variable stay."""
        for variable in {id(v): v for v in (self.of[h].variable for h in heads if h in self.of)}.values():
            ends = self._ends(variable)
            if ends is not None:
                places = [self.of[head].place for head in heads]
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


def variables_of(elements: Elements, orbits: Orbits, known: Sequence[Variable], last: int) -> dict[int, InVariable]:
    """Of newest elements the variable that is `known` when the `last` step is done; of a list that
    grows all have its name. That of a list whose elements have other names, too, is the last choice."""
    found, before = dict[int, InVariable](), dict[int, int | None]()
    lists: dict[str, dict[str, dict[int, InVariable]]] = defaultdict(dict)
    for variable in sorted(known, key=lambda variable: variable.before is not None):
        own = dict[int, InVariable]()
        for place, element in enumerate(_elements(elements, variable.after)):
            here = element if element in orbits.newest else _one_before(elements, orbits, element, before)
            if here in orbits.newest and elements.known[here] != NEVER:
                late, inside = last - elements.known[element], _is_around(variable, elements, here)
                own[orbits.newest[here]] = InVariable(variable, place, late, inside)
        if variable.group:
            lists[variable.group][variable.name] = own
        else:
            found |= {h: one for h, one in own.items() if h not in found or one.order >= found[h].order}
    for name, each in lists.items():
        every = [(head, one) for own in each.values() for head, one in own.items()]
        heads = {head for head, _ in every}
        grows, whole = len(heads) < len(every), found.keys() >= heads
        for head, one in every:
            if grows:
                one = one._replace(variable=replace(one.variable, name=name))
            if head not in found or one.order > found[head].order or (one.order == found[head].order and not whole):
                found[head] = one
    return found


def _is_around(variable: Variable, elements: Elements, element: int) -> bool:
    """Whether a variable is of the module that computes an element, or of one around that."""
    home = elements.homes[element]
    modules = () if home is None else elements.graph.values[home.value].modules[:1]
    around, _, _ = _CALL.sub("", variable.name).rpartition(".")
    return not around or any(f"{_CALL.sub('', module)}.".startswith(f"{around}.") for module in modules)


def _one_before(elements: Elements, orbits: Orbits, element: int, found: dict[int, int | None]) -> int | None:
    """What an element that no answer needs, such as a state after the last step, was one step before; `found` keeps
    those."""
    waiting = [element]
    while waiting:
        here = waiting[-1]
        kind, operands = elements.kinds[here], elements.operands[here]
        missing = [operand for operand in operands if operand not in found]
        if elements.known[here] == NEVER or here in orbits.before:
            found[here] = orbits.before.get(here, here)
        elif isinstance(kind, tuple) and kind[0] == "input":
            found[here] = elements.equal((kind[0], kind[1], kind[2] - 1), ())
        elif missing:
            waiting += missing
            continue
        else:
            found[here] = elements.equal(kind, [found[operand] for operand in operands])
        waiting.pop()
    return found[element]


def _elements(elements: Elements, place: ValueElements) -> list[int]:
    """Its elements; none of what is seen inside a block that repeats alone."""
    seen = place.value in elements.of or place.value in elements.graph.constants
    return elements.read(place.value)[place.index].tolist() if seen else []
