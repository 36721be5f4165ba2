"""The elements of an unrolled graph, each with what it is made of: equal ones are one, whatever vectors they lie in."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Mul
from compiler.steps.repeated_blocks import Unit
from compiler.steps.wide_sums import WideSums
from hw_models.arrays import Floats, Integers

NEVER = -1
"""When an element is known that depends on no sample"""


NO_COPIES: Mapping[str, int] = {}


class Home(NamedTuple):
    """Where an element is first computed: a value, and its place there."""

    value: str
    place: int


ADD, MUL = Add("", "", ""), Mul("", "", "")


@dataclass(frozen=True)
class Sum:
    """A weighted sum of its operands."""

    weights: tuple[float, ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.weights)

    @property
    def plain(self) -> bool:
        """Whether no operand has a weight."""
        return all(weight == 1.0 for weight in self.weights)


@dataclass(frozen=True)
class Same:
    """The kind of an element that is its only operand: where it is `held` that of the step before, else one that starts
    otherwise."""

    start: int
    held: bool


ElementKind: TypeAlias = Hashable
"""What an element is, its operands aside"""
MadeOf: TypeAlias = tuple[ElementKind, tuple[int, ...]]
"""The same with its operands"""


@dataclass
class Elements:
    """Numbered as they are found: an element comes after its operands."""

    graph: Graph
    features: int
    held: frozenset[int] = frozenset()
    """of these, those that are the same at all steps"""
    kinds: list[ElementKind] = field(default_factory=list)
    operands: list[tuple[int, ...]] = field(default_factory=list)
    homes: list[Home | None] = field(default_factory=list)
    """None of an element of a constant"""
    known: list[int] = field(default_factory=list)
    """the step with whose sample it can be computed"""
    values: list[float] = field(default_factory=list)
    """of those that no sample changes, what they are"""
    of: dict[str, Integers] = field(default_factory=dict)
    """the elements of each value and constant"""
    units: dict[str, Unit] = field(default_factory=dict)
    """blocks that repeat, by the values that stand for them"""
    parts: dict[int, list[int]] = field(default_factory=dict)
    """of the element of such a block what it leaves"""
    wide: WideSums = field(default_factory=WideSums)
    """sums that are looked at as a whole"""
    apart: set[int] = field(default_factory=set)
    """those that read others than their values' ops do: see `compiler.steps.copies`"""
    copies: Mapping[str, int] = field(default_factory=lambda: NO_COPIES)
    """values that stand for others: for what was before the first step, `NEVER`, or in that step for an earlier one"""
    late_starts: bool = False
    """whether several steps of a value may be made of the first sample: it is computed so many steps later"""
    past: frozenset[int] = frozenset()
    """the elements of these, and what is made of them alone"""
    _found: dict[MadeOf, int] = field(default_factory=dict)

    def add(self, kind: ElementKind, operands: tuple[int, ...], home: Home | None, known: int, value: float) -> int:
        """An element, or the equal one that is there."""
        key = kind, operands
        if key not in self._found:
            self._found[key] = len(self.kinds)
            self.kinds.append(kind)
            self.operands.append(operands)
            self.homes.append(home)
            self.known.append(known)
            self.values.append(value)
        return self._found[key]

    def equal(self, kind: ElementKind, operands: Sequence[int | None]) -> int | None:
        """The element that is made of these operands, if there is one."""
        return self._found.get((kind, tuple(o for o in operands if o is not None)))

    def another(self, element: int) -> int:
        """One that is the same as an element, and counts as another."""
        self.kinds.append(self.kinds[element])
        self.operands.append(self.operands[element])
        self.homes.append(self.homes[element])
        self.known.append(self.known[element])
        self.values.append(self.values[element])
        return len(self.kinds) - 1

    def constant(self, array: Floats) -> Integers:
        """The elements of a constant: equal numbers are one."""
        return np.array([self.add(("constant", v), (), None, NEVER, v) for v in array.ravel().tolist()], np.int64)

    def read(self, name: str) -> Integers:
        """The elements of a value or constant."""
        if name not in self.of:
            self.of[name] = self.constant(self.graph.constants[name])
        return self.of[name]

    def together(self, sources: Sequence[str]) -> Integers:
        """The elements of the concatenation of `sources`."""
        return np.concatenate([self.read(name) for name in sources])
