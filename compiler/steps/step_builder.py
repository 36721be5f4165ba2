"""The graph of one step in the making: its values, states and constants so far, and where each element is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from compiler.graph.graph import Block, State, Value
from compiler.graph.names import fresh, numbered
from compiler.graph.ops import Gather, Op, StateRead
from compiler.steps.elements import NEVER, Elements
from compiler.steps.repeated_blocks import StateElement
from compiler.steps.sample_times import Timing
from hw_models.arrays import Array

STEP = "step"
"""How the first block of a graph is called whose states were found"""
Location = tuple[str, int]
"""A value or constant, and an element of it"""
Aged = tuple[int, int]
"""A newest element, and how many steps ago it was computed"""
TimedValue = tuple[str, int]
"""A value of the unrolled graph, and the step with which these elements of it are computed"""


@dataclass
class StepBuilder:
    """The graph in the making."""

    timing: Timing
    called: Callable[[str], str]
    """what a name of the unrolled graph becomes"""
    constants: dict[str, Array] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    """those before the one that is being made"""
    ops: list[Op] = field(default_factory=list)
    now: dict[int, Location] = field(default_factory=dict)
    """where each newest element is, in this step"""
    kept: dict[Aged, Location] = field(default_factory=dict)
    """where it is that was computed so many steps ago"""
    before: dict[Aged, Location] = field(default_factory=dict)
    """where the state has it that is something else in the first step"""
    reads: dict[str, str] = field(default_factory=dict)
    """the state that each value is read from"""
    left: dict[str, str] = field(default_factory=dict)
    """the same of what a block that repeats has left there"""
    gathers: dict[tuple[Location, ...], str] = field(default_factory=dict)
    """of wide sums what has been gathered of what"""
    computed: dict[Op, str] = field(default_factory=dict)
    """and what has been computed, by ops whose results have no names"""
    _same: dict[Hashable, str] = field(default_factory=dict)
    """constants by what they hold"""
    _names: dict[str, Iterator[str]] = field(default_factory=dict)
    """names that are left for constants"""

    @property
    def elements(self) -> Elements:
        """Those of the unrolled graph."""
        return self.timing.elements

    def constant(self, array: Array, name: str) -> str:
        """A constant; equal ones of a name are one."""
        root = self.called(name)
        key = root, array.dtype, array.shape, array.tobytes()
        if key not in self._same:
            self._same[key] = fresh(self._names.setdefault(root, numbered(root)), self.constants)
            self.constants[self._same[key]] = array
        return self._same[key]

    def value(self, of: str, size: int, lines: tuple[str, ...] = ()) -> str:
        """A value that has the origin of one of the unrolled graph, or other lines."""
        origin = self.elements.graph.values[of]
        taken = {*self.values, *self.constants, *(s.name for s in self.states)}
        name = fresh(numbered(self.called(of)), taken)
        self.values[name] = Value(name, size, self.modules(of), lines or origin.lines)
        return name

    def read(self, state: str, of: str, lines: tuple[str, ...] = ()) -> str:
        """A state as it is now, as a value that has an origin."""
        name = self.value(of, next(s.size for s in self.states if s.name == state), lines)
        self.ops.append(StateRead(name, state))
        self.reads[name] = state
        return name

    def close(self, block: str, repeat: int = 1) -> None:
        """What follows is in another block."""
        self.blocks.append(Block(block, tuple(self.ops), repeat))
        self.ops.clear()

    def modules(self, of: str) -> tuple[str, ...]:
        """The modules that a value of the unrolled graph was made in."""
        return tuple(dict.fromkeys(map(self.called, self.elements.graph.values[of].modules)))

    def parts(self, node: int) -> dict[StateElement, int]:
        """Of a block that repeats the newest elements that it leaves."""
        newest, found = self.timing.orbits.newest, dict[StateElement, int]()
        for head in self.timing.orbits.start:
            kind = self.elements.kinds[head]
            if isinstance(kind, StateElement) and newest[self.elements.operands[head][0]] == node:
                found[kind] = head
        return found

    def place(self, reader: int | None, element: int, lag: int = 0) -> Location:
        """Where `reader` finds an element, or one that is `lag` steps old."""
        if self.elements.known[element] == NEVER:
            return self.constant(np.array([self.elements.values[element]]), "number"), 0
        if reader is not None:
            lag = self.timing.lag(reader, element)
        head = self.timing.orbits.newest[element]
        return self.kept[head, lag] if lag else self.now[head]

    def gathered(self, places: Sequence[Location], of: str) -> str:
        """A vector of elements."""
        sources = list(dict.fromkeys(name for name, _ in places))
        sizes = [self.values[n].size if n in self.values else self.constants[n].size for n in sources]
        starts = dict(zip(sources, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
        index = np.array([starts[name] + place for name, place in places], np.int64)
        if len(sources) == 1 and np.array_equal(index, np.arange(sizes[0])):
            return sources[0]
        if all(name in self.constants for name in sources):
            return self.constant(np.concatenate([self.constants[n] for n in sources])[index], "numbers")
        name = self.value(of, len(places))
        self.ops.append(Gather(name, tuple(sources), self.constant(index, f"{of}.index")))
        return name
