"""The step: an op for each value of the unrolled graph that has newest elements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import Elementwise, Input, MatVec, Output, SegmentSum, StateWrite
from compiler.graph.validate import validate
from compiler.steps.elements import NEVER, Same, Sum
from compiler.steps.orbits import WINDOW_FROM_THE_FIRST
from compiler.steps.prologue import Flags, begin_at, begun_from, emit_prologue, flags_of
from compiler.steps.repeated_blocks import Repeated, StateElement
from compiler.steps.repeated_emission import emit_repeated
from compiler.steps.sample_times import Timing
from compiler.steps.states import depths, states
from compiler.steps.step_builder import STEP, Aged, StepBuilder, TimedValue
from compiler.steps.unrolling import rows
from compiler.steps.variables import Variables
from compiler.steps.wide_emission import emit_wide
from compiler.steps.wide_sums import WideRow
from hw_models.arrays import Integers
from hw_models.errors import TraceError


def step_of(timing: Timing, answer: Integers, step: int, called: Callable[[str], str], known: Variables) -> Graph:
    """One step that gives the elements of `answer`, those of the unrolled graph's `step`; variables of the model's are
    `known`."""
    made = StepBuilder(timing, called)
    elements, orbits = timing.elements, timing.orbits
    homes: dict[TimedValue, list[int]] = defaultdict(list)
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
    depth = depths(timing, zip(answer.tolist(), lags, strict=True))
    later = states(made, homes, depth, known)
    flags = flags_of(made)
    _input(made)
    begun = begun_from(made)
    for source in _in_order(timing, homes, begun):
        if source in begun:
            begin_at(made, begun[source], flags)
            continue
        own = homes[source]
        if isinstance(elements.kinds[own[0]], Repeated):
            emit_repeated(made, own[0])
        elif isinstance(elements.kinds[own[0]], Same):
            made.now |= {h: made.place(h, elements.operands[h][0]) for h in own}
            emit_prologue(made, source[0], own, flags)
        elif isinstance(elements.graph.makers[source[0]], Input):
            emit_prologue(made, source[0], own, flags)
        else:
            _compute(made, source[0], own, flags)
    shown = elements.graph.answer.x
    result = made.gathered([made.place(None, e, lag) for e, lag in zip(answer.tolist(), lags, strict=True)], shown)
    ones, zeros = (
        made.constant(np.ones(len(answer)), "output.scale"),
        made.constant(np.zeros(len(answer)), "output.offset"),
    )
    made.ops.append(Output(result, ones, zeros))
    written = [StateWrite(name, made.gathered(places(), value)) for name, value, places in later]
    made.ops += [op for op in written if made.left.get(op.x) != op.state] + flags.writes
    made.close("output" if made.blocks else STEP)
    return validate(Graph(tuple(made.blocks), made.values, made.constants, tuple(made.states)), "time inference")


def _in_order(
    timing: Timing, homes: Mapping[TimedValue, list[int]], begun: Mapping[TimedValue, Mapping[Aged, int]]
) -> list[TimedValue]:
    """The values, each after those that it reads in the same step."""
    of = {head: source for source, heads in homes.items() for head in heads}
    started = {aged: source for source, own in begun.items() for aged in own}
    newest, instead = timing.orbits.newest, timing.orbits.instead
    needs = {source: {of[newest[begun]] for begun in own.values()} for source, own in begun.items()}
    for source, heads in homes.items():
        reads = [(newest[o], timing.lag(h, o)) for h, *_ in timing.alike(heads) for o in timing.moving(h)]
        needs[source] = {of[o] for o, lag in reads if lag == 0} | {started[read] for read in reads if read in started}
        needs[source] |= {of[newest[instead[h]]] for h in heads if newest.get(instead.get(h, NEVER)) in of}
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise TraceError(
            "values of one step depend on one another",
            where=", ".join(dict.fromkeys(v for v, *_ in error.args[1])),
            advice=WINDOW_FROM_THE_FIRST,
        ) from error


def _input(made: StepBuilder) -> None:
    """The sample."""
    elements = made.elements
    entry = elements.graph.entry
    scale, offset = (
        made.constant(elements.graph.host_arrays[n][: elements.features], n) for n in (entry.scale, entry.offset)
    )
    name = made.value(entry.out, elements.features)
    made.ops.append(Input(name, scale, offset))
    for head in made.timing.orbits.start:
        kind = elements.kinds[head]
        if isinstance(kind, tuple) and kind[0] == "input":
            made.now[head] = name, kind[1]


def _compute(made: StepBuilder, value: str, heads: list[int], flags: Flags) -> None:
    """The newest elements of a value."""
    elements = made.elements
    op, alike = elements.graph.makers[value], defaultdict[object, list[int]](list)
    for head in heads:
        kind = elements.kinds[head]
        alike[type(op) if isinstance(kind, (Sum, WideRow)) else kind].append(head)
    for kind, own in alike.items():
        if isinstance(kind, StateElement):
            continue  # it is there, as what its block has left
        if isinstance(kind, Elementwise):
            given = [
                made.gathered([made.place(h, elements.operands[h][number]) for h in own], value)
                for number in range(len(elements.operands[own[0]]))
            ]
            names = iter([made.value(value, len(own)), *given])
            made.ops.append(kind.renamed(lambda _, names=names: next(names)))
            made.now |= {h: (made.ops[-1].result or "", place) for place, h in enumerate(own)}
        elif isinstance(elements.kinds[own[0]], WideRow):
            emit_wide(made, value, own)
        elif isinstance(op, MatVec):
            _multiply(made, value, op, own)
        else:
            _add_up(made, value, own)
    emit_prologue(made, value, heads, flags)


def _add_up(made: StepBuilder, value: str, heads: list[int]) -> None:
    """Sums of elements."""
    terms = [[made.place(h, o) for o in made.elements.operands[h]] for h in heads]
    segment = np.repeat(np.arange(len(heads)), list(map(len, terms)))
    x = made.gathered([place for own in terms for place in own], value)
    name = made.value(value, len(heads))
    made.ops.append(SegmentSum(name, x, made.constant(segment, f"{value}.segment")))
    made.now |= {h: (name, place) for place, h in enumerate(heads)}


def _multiply(made: StepBuilder, value: str, op: MatVec, heads: list[int]) -> None:
    """Rows of a matrix, those with the same operands together."""
    elements = made.elements
    every = rows(elements, op)
    together: dict[tuple[bytes, int], list[tuple[int, int]]] = defaultdict(list)
    for head in heads:
        home = elements.homes[head]
        assert home is not None
        apart = id(elements.operands[head]) if head in elements.apart else 0
        together[every[home.place][1].tobytes(), apart].append((head, home.place))
    for (_, apart), members in together.items():
        group, places = [head for head, _ in members], [place for _, place in members]
        matrix, operands = np.array([every[p][0] for p in places]), every[places[0]][1]
        used = np.flatnonzero(matrix.any(axis=0))
        own = elements.operands[group[0]] if apart else operands[used].tolist()
        source = made.gathered([made.place(group[0], o) for o in own], value)
        name = made.value(value, len(group))
        weights = made.constant(np.ascontiguousarray(matrix[:, used]), op.matrix)
        made.ops.append(MatVec(name, (source,), weights))
        made.now |= {h: (name, place) for place, h in enumerate(group)}
