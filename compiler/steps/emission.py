"""The step: an op for each value of the unrolled graph that has newest elements, and states for what earlier steps
have left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

import numpy as np

from compiler.graph.graph import Graph, State, Value
from compiler.graph.names import fresh, numbered
from compiler.graph.ops import Elementwise, Input, MatVec, Output, SegmentSum, Select, StateRead, StateWrite
from compiler.graph.validate import validate
from compiler.steps.elements import NEVER, Sum, rows
from compiler.steps.made import Place, Step
from compiler.steps.repeated import Part, Repeated, renamed
from compiler.steps.timing import Timing
from compiler.steps.variables import Variable, Variables, variables
from hw_models.arrays import Integers
from hw_models.errors import TraceError

Source = tuple[str, int]
"""A value of the unrolled graph, and the step with which these elements of it are computed"""


def step_of(
    timing: Timing, answer: Integers, step: int, called: Callable[[str], str], known: Sequence[Variable] = ()
) -> Graph:
    """One step that gives the elements of `answer`, those of the unrolled graph's `step`; `known` are variables
    of the model's."""
    made = Step(timing, called)
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
    states = _states(made, homes, depth, variables(timing, known))
    flags = _flags(made)
    _input(made)
    begun = _begun(made)
    for source in _in_order(timing, homes, begun):
        if source in begun:
            _begin_at(made, begun[source], flags)
            continue
        own = homes[source]
        if isinstance(elements.kinds[own[0]], Repeated):
            _repeat(made, own[0])
        elif not isinstance(elements.graph.makers[source[0]], Input):
            _compute(made, source[0], own, flags)
    shown = elements.graph.answer.x
    result = made.gathered([made.place(None, e, lag) for e, lag in zip(answer.tolist(), lags, strict=True)], shown)
    ones, zeros = (
        made.constant(np.ones(len(answer)), "output.scale"),
        made.constant(np.zeros(len(answer)), "output.offset"),
    )
    made.ops.append(Output(result, ones, zeros))
    written = [StateWrite(name, made.gathered(places(), value)) for name, value, places in states]
    made.ops += [op for op in written if made.left.get(op.x) != op.state] + flags.writes
    made.close("output" if made.blocks else "step")
    return validate(Graph(tuple(made.blocks), made.values, made.constants, tuple(made.states)), "time inference")


def _begun(made: Step) -> dict[Source, list[int]]:
    """The elements whose states start from what is computed in the first step, by what stands for each state."""
    found: dict[Source, list[int]] = defaultdict(list)
    for head in sorted(made.timing.orbits.start):
        if head in made.timing.orbits.begins and (head, 1) in made.kept:
            made.before[head] = made.kept[head, 1]
            found[made.before[head][0], NEVER].append(head)
    return found


def _begin_at(made: Step, heads: list[int], flags: _Flags) -> None:
    """What is there of the step before, but in the first step what a state starts from."""
    home = made.elements.homes[heads[0]]
    assert home is not None
    flag = made.gathered([(flags.read[1], 0)] * len(heads), home.value)
    kept = made.gathered([made.before[h] for h in heads], home.value)
    start = made.gathered([made.place(None, made.timing.orbits.begins[h]) for h in heads], home.value)
    name = made.value(home.value, len(heads))
    made.ops.append(Select(name, flag, kept, start))
    made.kept |= {(h, 1): (name, place) for place, h in enumerate(heads)}


def _in_order(timing: Timing, homes: Mapping[Source, list[int]], begun: Mapping[Source, list[int]]) -> list[Source]:
    """The values, each after those that it reads in the same step."""
    of = {head: source for source, heads in homes.items() for head in heads}
    started = {head: source for source, heads in begun.items() for head in heads}
    newest, instead = timing.orbits.newest, timing.orbits.instead
    needs = {source: {of[newest[timing.orbits.begins[h]]] for h in heads} for source, heads in begun.items()}
    for source, heads in homes.items():
        reads = [(newest[o], timing.lag(h, o)) for h, *_ in timing.alike(heads) for o in timing.moving(h)]
        needs[source] = {of[o] for o, lag in reads if lag == 0} | {
            started[o] for o, lag in reads if lag == 1 and o in started
        }
        needs[source] |= {of[newest[instead[h]]] for h in heads if newest.get(instead.get(h, NEVER)) in of}
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
    for reader, *_ in timing.alike(timing.orbits.start):
        for operand in timing.moving(reader):
            head = timing.orbits.newest[operand]
            depth[head] = max(depth[head], timing.lag(reader, operand))
    return depth


def _states(
    made: Step, homes: Mapping[Source, list[int]], depth: Mapping[int, int], known: Variables
) -> list[tuple[str, str, Callable[[], list[Place]]]]:
    """States for what is read later, read at once; what is written to each is known at the end."""
    found = []
    for (title, _), heads in _together(made, homes, known).items():
        home = made.elements.homes[heads[0]]
        assert home is not None
        for lag in range(1, max((depth[h] for h in heads), default=0) + 1):
            own = [h for h in heads if depth[h] >= lag]
            start = np.array([made.timing.start[h] or 0.0 for h in own])
            name = f"{title}.{lag}_ago" if title == "x" or lag > 1 else title
            name = fresh(numbered(name), {s.name for s in made.states})
            initial, ends = made.constant(start, f"{name}.start"), known.ends(own)
            low, high = (None, None) if ends is None else map(made.constant, ends, (f"{name}.low", f"{name}.high"))
            made.states.append(State(name, len(own), initial, low, high, made.modules(home.value)))
            read = made.read(name, home.value)
            made.kept |= {(head, lag): (read, place) for place, head in enumerate(own)}

            def places(own: Sequence[int] = own, lag: int = lag) -> list[Place]:
                return [made.now[h] if lag == 1 else made.kept[h, lag - 1] for h in own]

            found.append((name, home.value, places))
    return found


def _together(made: Step, homes: Mapping[Source, list[int]], known: Variables) -> dict[tuple[str, object], list[int]]:
    """The newest elements that are one state, by what it is called: those of a variable, else of a value."""
    found: dict[tuple[str, object], list[int]] = defaultdict(list)
    taken: dict[tuple[str, int], int] = defaultdict(int)
    for source, heads in homes.items():
        for head in heads:
            if source[0] == made.elements.graph.entry.out:
                found["x", source].append(head)
            elif head in known.of:
                variable, place = known.of[head]
                found[made.called(variable.name), taken[variable.name, place]].append(head)
                taken[variable.name, place] += 1  # a cell may be called twice in a step
            else:
                found[made.called(source[0]), source].append(head)
    return {key: sorted(own, key=known.place) for key, own in found.items()}


@dataclass
class _Flags:
    """Whether so many steps have passed: what a value is before then is no result of its op."""

    made: Step
    read: dict[int, str] = field(default_factory=dict)
    writes: list[StateWrite] = field(default_factory=list)


def _flags(made: Step) -> _Flags:
    flags, orbits, timing = _Flags(made), made.timing.orbits, made.timing
    most = max((orbits.first[h] + timing.late.get(h, 0) for h in orbits.first if orbits.first[h]), default=0)
    most = max(most, len(orbits.begins) > 0)
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


def _input(made: Step) -> None:
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


def _compute(made: Step, value: str, heads: list[int], flags: _Flags) -> None:
    """The newest elements of a value."""
    elements = made.elements
    op, alike = elements.graph.makers[value], defaultdict[object, list[int]](list)
    for head in heads:
        kind = elements.kinds[head]
        alike[type(op) if isinstance(kind, Sum) else kind].append(head)
    for kind, own in alike.items():
        if isinstance(kind, Part):
            continue  # it is there, as what its block has left
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


def _add_up(made: Step, value: str, heads: list[int]) -> None:
    """Sums of elements."""
    terms = [[made.place(h, o) for o in made.elements.operands[h]] for h in heads]
    segment = np.repeat(np.arange(len(heads)), list(map(len, terms)))
    x = made.gathered([place for own in terms for place in own], value)
    name = made.value(value, len(heads))
    made.ops.append(SegmentSum(name, x, made.constant(segment, f"{value}.segment")))
    made.now |= {h: (name, place) for place, h in enumerate(heads)}


def _multiply(made: Step, value: str, op: MatVec, heads: list[int]) -> None:
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


def _repeat(made: Step, node: int) -> None:
    """A block that repeats. What it starts from is written into the state that keeps what it has left; where there is
    none, it has one of its own."""
    elements, home = made.elements, made.elements.homes[node]
    assert home is not None
    unit, graph = elements.units[home.value], elements.graph
    sizes = [graph.size(name) for name in unit.sources] + [graph.state(name).size for name in unit.states]
    entering = np.split(np.array(elements.operands[node]), np.cumsum(sizes)[:-1])
    names: dict[str | None, str] = {}
    for source, operands in zip(unit.sources, entering, strict=False):
        names[source] = made.gathered([made.place(node, o) for o in operands.tolist()], source)
    parts = made.parts(node)
    states, leaves = dict[str, str](), {op.state: op.x for op in unit.block.commits}
    for number, state in enumerate(unit.states):
        own = [parts.get(Part(number, place)) for place in range(graph.state(state).size)]
        operands = entering[len(unit.sources) + number].tolist()
        states[state] = _state_of(made, own, [made.place(node, o) for o in operands], leaves.get(state, home.value))
    made.close(f"before {made.called(unit.block.name)}" if made.blocks else "step")
    names |= {
        n: made.constant(c, n)
        for n, c in graph.constants.items()
        if any(n in (*op.operands, *op.arrays) for op in unit.block.ops)
    }
    names |= {op.result: made.value(op.result or "", graph.size(op.result or "")) for op in unit.block.computed}
    made.ops += [renamed(op, names, states) for op in unit.block.ops]
    made.close(made.called(unit.block.name), unit.block.repeat)
    for number, state in enumerate(unit.states):
        read = made.read(states[state], leaves.get(state, home.value))
        made.left[read] = states[state]
        made.now |= {h: (read, k.place) for k, h in parts.items() if k.state == number}


def _state_of(made: Step, own: Sequence[int | None], start: Sequence[Place], value: str) -> str:
    """The state in which a block leaves elements: it is `start` before. `value` has its origin."""
    kept = [made.before.get(h, made.kept.get((h, 1), ("", 0))) if h is not None else ("", 0) for h in own]
    state = made.reads.get(kept[0][0])
    if state is not None and kept == [(kept[0][0], place) for place in range(made.values[kept[0][0]].size)]:
        if kept == start:
            return state
    else:
        state = fresh(numbered(f"{made.called(value)}.repeated"), {s.name for s in made.states})
        zeros = made.constant(np.zeros(len(own)), f"{state}.start")
        made.states.append(State(state, len(own), zeros, modules=made.modules(value)))
    made.ops.append(StateWrite(state, made.gathered(start, value)))
    return state


def _begin(made: Step, value: str, heads: list[int], flags: _Flags) -> None:
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


def _instead(made: Step, head: int) -> Place:
    """What stands for an element before its first step."""
    orbits, timing = made.timing.orbits, made.timing
    if head not in orbits.instead:
        return made.constant(np.array([timing.start[head] or 0.0]), "number"), 0
    early = orbits.instead[head]
    return made.place(None, early, timing.late.get(head, 0) - timing.late.get(orbits.newest[early], 0))
