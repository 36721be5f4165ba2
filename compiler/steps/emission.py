"""The step: an op for each value of the unrolled graph that has newest elements, and states for what earlier steps
have left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

import numpy as np

from compiler.graph.graph import Array, Block, Graph, State, Value
from compiler.graph.names import fresh, numbered
from compiler.graph.ops import Elementwise, Gather, Input, MatVec, Op, Output, SegmentSum, Select, StateRead, StateWrite
from compiler.graph.validate import validate
from compiler.steps.elements import NEVER, Elements, Sum, rows
from compiler.steps.timing import Timing
from hw_models.arrays import Integers
from hw_models.errors import TraceError

Source = tuple[str, int]
"""A value of the unrolled graph, and the step with which these elements of it are computed"""
Place = tuple[str, int]
"""A value or constant, and an element of it"""


@dataclass
class _Step:
    """The graph in the making."""

    timing: Timing
    called: Callable[[str], str]
    """what a name of the unrolled graph becomes"""
    constants: dict[str, Array] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    now: dict[int, Place] = field(default_factory=dict)
    """where each newest element is, in this step"""
    kept: dict[tuple[int, int], Place] = field(default_factory=dict)
    """where it is that was computed so many steps ago"""
    _same: dict[Hashable, str] = field(default_factory=dict)
    """constants by what they hold"""
    _names: dict[str, Iterator[str]] = field(default_factory=dict)
    """names that are left for constants"""

    @property
    def elements(self) -> Elements:
        return self.timing.elements

    def constant(self, array: Array, name: str) -> str:
        """A constant; equal ones of a name are one."""
        root = self.called(name)
        key = root, array.dtype, array.shape, array.tobytes()
        if key not in self._same:
            self._same[key] = fresh(self._names.setdefault(root, numbered(root)), self.constants)
            self.constants[self._same[key]] = array
        return self._same[key]

    def value(self, of: str, size: int) -> str:
        """A value that has the origin of one of the unrolled graph."""
        origin = self.elements.graph.values[of]
        taken = {*self.values, *self.constants, *(s.name for s in self.states)}
        name = fresh(numbered(self.called(of)), taken)
        self.values[name] = Value(name, size, self.modules(of), origin.lines)
        return name

    def modules(self, of: str) -> tuple[str, ...]:
        """The modules that a value of the unrolled graph was made in."""
        return tuple(dict.fromkeys(map(self.called, self.elements.graph.values[of].modules)))

    def place(self, reader: int | None, element: int, lag: int = 0) -> Place:
        """Where `reader` finds an element, or one that is `lag` steps old."""
        if self.elements.known[element] == NEVER:
            return self.constant(np.array([self.elements.values[element]]), "number"), 0
        if reader is not None:
            lag = self.timing.lag(reader, element)
        head = self.timing.orbits.newest[element]
        return self.kept[head, lag] if lag else self.now[head]

    def gathered(self, places: Sequence[Place], of: str) -> str:
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


def step_of(timing: Timing, answer: Integers, step: int, called: Callable[[str], str]) -> Graph:
    """One step that gives the elements of `answer`, those of the unrolled graph's `step`."""
    made = _Step(timing, called)
    elements, orbits = timing.elements, timing.orbits
    homes: dict[Source, list[int]] = defaultdict(list)
    for head in sorted(orbits.start):
        home = elements.homes[head]
        assert home is not None
        homes[home.value, elements.known[head] + timing.late.get(head, 0)].append(head)
    lags = [
        step - elements.known[orbits.newest[e]] + orbits.ago[e] - timing.late.get(orbits.newest[e], 0)
        if elements.known[e] != NEVER
        else 0
        for e in answer.tolist()
    ]
    depth = _depths(timing, zip(answer.tolist(), lags, strict=True))
    states = _states(made, homes, depth)
    flags = _flags(made)
    _input(made)
    for source in _in_order(timing, homes):
        if not isinstance(elements.graph.makers[source[0]], Input):
            _compute(made, source[0], homes[source], flags)
    shown = elements.graph.answer.x
    result = made.gathered([made.place(None, e, lag) for e, lag in zip(answer.tolist(), lags, strict=True)], shown)
    ones, zeros = (
        made.constant(np.ones(len(answer)), "output.scale"),
        made.constant(np.zeros(len(answer)), "output.offset"),
    )
    writes = [StateWrite(name, made.gathered(places(), value)) for name, value, places in states]
    writes += flags.writes
    ops = (*made.ops, Output(result, ones, zeros), *writes)
    return validate(Graph((Block("step", ops),), made.values, made.constants, tuple(made.states)), "time inference")


def _in_order(timing: Timing, homes: Mapping[Source, list[int]]) -> list[Source]:
    """The values, each after those that it reads in the same step."""
    of = {head: source for source, heads in homes.items() for head in heads}
    needs = {
        source: {
            of[timing.orbits.newest[o]]
            for h in heads
            for o in (*timing.moving(h), *([timing.orbits.instead[h]] if h in timing.orbits.instead else []))
            if timing.lag(h, o) == 0 or o == timing.orbits.instead.get(h)
        }
        for source, heads in homes.items()
    }
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise TraceError(
            "values of one step need one another", where=", ".join(v for v, *_ in error.args[1])
        ) from error


def _depths(timing: Timing, answers: Iterable[tuple[int, int]]) -> dict[int, int]:
    """How many steps back each newest element is read."""
    depth: dict[int, int] = defaultdict(int)
    for element, lag in answers:
        if timing.elements.known[element] != NEVER:
            head = timing.orbits.newest[element]
            depth[head] = max(depth[head], lag)
    for reader in timing.orbits.start:
        for operand in timing.moving(reader):
            head = timing.orbits.newest[operand]
            depth[head] = max(depth[head], timing.lag(reader, operand))
    return depth


def _states(
    made: _Step, homes: Mapping[Source, list[int]], depth: Mapping[int, int]
) -> list[tuple[str, str, Callable[[], list[Place]]]]:
    """States for what is read later, read at once; what is written to each is known at the end."""
    found = []
    for (value, *_), heads in homes.items():
        for lag in range(1, max((depth[h] for h in heads), default=0) + 1):
            own = [h for h in heads if depth[h] >= lag]
            start = np.array([made.timing.start[h] or 0.0 for h in own])
            sample = value == made.elements.graph.entry.out
            title = "x" if sample else made.called(value)
            title = f"{title}.{lag}_ago" if sample or lag > 1 else title
            name = fresh(numbered(title), {s.name for s in made.states})
            initial = made.constant(start, f"{name}.start")
            made.states.append(State(name, len(own), initial, modules=made.modules(value)))
            read = made.value(value, len(own))
            made.ops.append(StateRead(read, name))
            made.kept |= {(head, lag): (read, place) for place, head in enumerate(own)}

            def places(own: Sequence[int] = own, lag: int = lag) -> list[Place]:
                return [made.now[h] if lag == 1 else made.kept[h, lag - 1] for h in own]

            found.append((name, value, places))
    return found


@dataclass
class _Flags:
    """Whether so many steps have passed: what a value is before then is no result of its op."""

    made: _Step
    read: dict[int, str] = field(default_factory=dict)
    writes: list[StateWrite] = field(default_factory=list)


def _flags(made: _Step) -> _Flags:
    flags, orbits, timing = _Flags(made), made.timing.orbits, made.timing
    most = max((orbits.first[h] + timing.late.get(h, 0) for h in orbits.first if orbits.first[h]), default=0)
    before = None
    for number in range(1, most + 1):
        name = fresh(numbered(f"started.{number}"), {s.name for s in made.states})
        start, end = (
            made.constant(np.full(1, value), title) for value, title in ((0.0, "not_started"), (1.0, "started"))
        )
        made.states.append(State(name, 1, start, start, end))
        read = fresh(numbered(f"started.{number}"), made.values)
        made.values[read] = Value(read, 1)
        made.ops.append(StateRead(read, name))
        flags.writes.append(StateWrite(name, end if before is None else before))
        flags.read[number] = before = read
    return flags


def _input(made: _Step) -> None:
    """The sample."""
    elements = made.elements
    entry = elements.graph.entry
    scale, offset = (
        made.constant(elements.graph.constants[n][: elements.features], n) for n in (entry.scale, entry.offset)
    )
    name = made.value(entry.out, elements.features)
    made.ops.append(Input(name, scale, offset))
    for head in made.timing.orbits.start:
        kind = elements.kinds[head]
        if isinstance(kind, tuple) and kind[0] == "input":
            made.now[head] = name, kind[1]


def _compute(made: _Step, value: str, heads: list[int], flags: _Flags) -> None:
    """The newest elements of a value."""
    elements = made.elements
    op, alike = elements.graph.makers[value], defaultdict[object, list[int]](list)
    for head in heads:
        kind = elements.kinds[head]
        alike[type(op) if isinstance(kind, Sum) else kind].append(head)
    for kind, own in alike.items():
        if isinstance(kind, Elementwise):
            given = [
                made.gathered([made.place(h, elements.operands[h][number]) for h in own], value)
                for number in range(len(elements.operands[own[0]]))
            ]
            names = iter([made.value(value, len(own)), *given])
            made.ops.append(kind.renamed(lambda _, names=names: next(names)))
            made.now |= {h: (made.ops[-1].result or "", place) for place, h in enumerate(own)}
        elif isinstance(op, MatVec):
            _multiply(made, value, op, own)
        else:
            _add_up(made, value, own)
    _begin(made, value, heads, flags)


def _add_up(made: _Step, value: str, heads: list[int]) -> None:
    """Sums of elements."""
    terms = [[made.place(h, o) for o in made.elements.operands[h]] for h in heads]
    segment = np.repeat(np.arange(len(heads)), list(map(len, terms)))
    x = made.gathered([place for own in terms for place in own], value)
    name = made.value(value, len(heads))
    made.ops.append(SegmentSum(name, x, made.constant(segment, f"{value}.segment")))
    made.now |= {h: (name, place) for place, h in enumerate(heads)}


def _multiply(made: _Step, value: str, op: MatVec, heads: list[int]) -> None:
    """Rows of a matrix, those with the same operands together."""
    elements = made.elements
    every = rows(elements, op)
    together: dict[bytes, list[int]] = defaultdict(list)
    for head in heads:
        home = elements.homes[head]
        assert home is not None
        together[every[home.place][1].tobytes()].append(head)
    for group in together.values():
        places = [elements.homes[h].place for h in group]  # type: ignore[union-attr]
        matrix, operands = np.array([every[p][0] for p in places]), every[places[0]][1]
        used = np.flatnonzero(matrix.any(axis=0))
        source = made.gathered([made.place(group[0], int(operands[c])) for c in used], value)
        name = made.value(value, len(group))
        weights = made.constant(np.ascontiguousarray(matrix[:, used]), op.matrix)
        made.ops.append(MatVec(name, (source,), weights))
        made.now |= {h: (name, place) for place, h in enumerate(group)}


def _begin(made: _Step, value: str, heads: list[int], flags: _Flags) -> None:
    """What elements are in steps before their first: a number."""
    orbits, timing = made.timing.orbits, made.timing
    waiting: dict[int, list[int]] = defaultdict(list)
    for head in heads:
        if orbits.first[head]:
            waiting[orbits.first[head] + timing.late.get(head, 0)].append(head)
    for number, own in waiting.items():
        flag = made.gathered([(flags.read[number], 0)] * len(own), value)
        computed = made.gathered([made.now[h] for h in own], value)
        start = made.gathered([_instead(made, h) for h in own], value)
        name = made.value(value, len(own))
        made.ops.append(Select(name, flag, computed, start))
        made.now |= {h: (name, place) for place, h in enumerate(own)}


def _instead(made: _Step, head: int) -> Place:
    """What stands for an element before its first step."""
    orbits, timing = made.timing.orbits, made.timing
    if head not in orbits.instead:
        return made.constant(np.array([timing.start[head] or 0.0]), "number"), 0
    early = orbits.instead[head]
    return made.place(None, early, timing.late.get(head, 0) - timing.late.get(orbits.newest[early], 0))
