"""What the values of an integer graph that were clipped are to its user: a state's elements, or values of his model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from compiler.graph.graph import Graph, Value
from compiler.graph.integers import IntegerGraph
from compiler.graph.names import CLIPPED, OF_A_STEP, plain_name
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Gather, PiecewisePolynomial, Rescale, Shift, StateWrite
from compiler.interpreters.execution import Clip
from compiler.mapping.titles import state_title
from compiler.quantize.carry import carry_name
from hw_models.arrays import Array, located
from ltc2neuro.compiled.clipped import Tally


def state_tallies(graph: IntegerGraph, clips: Mapping[str, Clip]) -> dict[str, Tally]:
    """What was clipped on its way to each state, in the state's units.

    What a value is shifted to other fraction bits, rounded or put together from is still the state's.
    """
    if not clips:
        return {}
    repeats = _repeats(graph)
    found: dict[str, Tally] = {}
    for write in [op for _, op in graph.ops() if isinstance(op, StateWrite)]:
        size = graph.state(write.state).size
        tally: Tally | None = None
        for name, to, of in _written(graph, write.x, np.arange(size), np.arange(size)):
            if name not in clips:
                continue
            clip, form = clips[name], graph.format(name)
            of = np.minimum(of, clip.counts.size - 1)
            counts, low, high = np.zeros(size, np.int64), np.full(size, np.inf), np.full(size, -np.inf)
            counts[to], low[to], high[to] = clip.counts[of], clip.low[of] * form.lsb, clip.high[of] * form.lsb
            ends = np.full(size, form.real_low), np.full(size, form.real_high)
            part = Tally(f"state {state_title(write.state)}, element", counts, low, high, *ends, repeats[name])
            tally = part if tally is None else tally.joined(part)
        if tally is not None and tally.counts.any():
            found[write.state] = tally
    return found


def _repeats(graph: Graph) -> dict[str, int]:
    """How often each value is computed in a sample."""
    return {op.result: block.repeat for block, op in graph.ops() if op.result is not None}


def _written(graph: Graph, name: str, to: Array, of: Array) -> Iterator[tuple[str, Array, Array]]:
    """The value `name`, and those that it is a copy of: which elements of the state are which elements of each."""
    yield name, to, of
    op = graph.makers.get(name)
    for source, own, at in COPIES(op, graph, of) if op is not None else ():
        yield from _written(graph, source, to[own], at)


COPIES: OpTable[[Graph, Array], Iterable[tuple[str, Array, Array]]] = OpTable("copies")
"""The values of which elements of a result are copies: which of them, and of which elements."""
COPIES.otherwise(())


@COPIES.on(Rescale, Shift)
def _rescaled(op: Rescale | Shift, graph: Graph, of: Array) -> Iterator[tuple[str, Array, Array]]:
    yield op.x, np.arange(of.size), of


@COPIES.on(Gather)
def _picked(op: Gather, graph: Graph, of: Array) -> Iterator[tuple[str, Array, Array]]:
    numbers, places = located(graph.constants[op.index][of], map(graph.size, op.sources))
    for number, source in enumerate(op.sources):
        own = np.flatnonzero(numbers == number)
        if own.size:
            yield source, own, places[own]


def value_tallies(graph: IntegerGraph, clips: Mapping[str, Clip]) -> tuple[Tally, ...]:
    """What was clipped of each other value, but those that only functions read, which are flat out there."""
    if not clips:
        return ()
    repeats = _repeats(graph)
    writes = [op for _, op in graph.ops() if isinstance(op, StateWrite)]
    of_states = set()
    for write in writes:
        everything = np.arange(graph.state(write.state).size)
        of_states |= {name for name, _, _ in _written(graph, write.x, everything, everything)}
    found = []
    for name, clip in clips.items():
        form, plain = graph.format(name), name.removesuffix(CLIPPED)
        if name in of_states or _only_arguments(graph, name):
            continue
        value = graph.values.get(plain)
        shown = (value.represents if value is not None else None) or plain_name(plain)
        ends = np.full(clip.counts.size, form.real_low), np.full(clip.counts.size, form.real_high)
        low, high = clip.low * form.lsb, clip.high * form.lsb
        state = _step_of(graph, name) if value is not None and _of_a_step(value) else None
        shown = f"value {shown}" if state is None else f"what state {state} changes by"
        own = (plain if value is not None else name) if state is None else ""  # the state says it already
        lsb = form.lsb if state is None else 0.0  # a step is added up in its state, LSB after LSB
        title, repeat = f"{shown}, element", repeats[name]
        found.append(Tally(title, clip.counts, low, high, *ends, repeat, value=own, rounding=lsb))
    return tuple(found)


def _of_a_step(value: Value) -> bool:
    """Whether a rewrite has made it. What a user calls `step` is named after its module, not after a value."""
    of, _, part = value.name.rpartition(".")
    return part in OF_A_STEP and of not in value.modules


def _step_of(graph: Graph, name: str) -> str | None:
    """The state that a value is added to, or to what is written to it."""
    carries = {carry_name(state.name) for state in graph.states}
    seen, waiting = {name}, [name]
    while waiting:
        here = waiting.pop()
        for _, op in graph.ops():
            if here in op.operands and isinstance(op, StateWrite) and op.state not in carries:
                return op.state
            if here in op.operands and op.result is not None and op.result not in seen:
                seen.add(op.result)
                waiting.insert(0, op.result)
    return None


def _only_arguments(graph: Graph, name: str) -> bool:
    """Whether nothing but functions of one argument reads a value or its copies. What is shifted to its octave is the
    argument of a root or a denominator, which is flat nowhere."""
    readers = [op for _, op in graph.ops() if name in op.operands]
    return bool(readers) and all(FLAT(op, graph) for op in readers)


FLAT: OpTable[[Graph], bool] = OpTable("flat readers")
"""Whether an op is flat far out, or a copy that only such ops read."""
FLAT.otherwise(False)
FLAT.always(True, PiecewisePolynomial)
FLAT.on(Rescale, Gather)(lambda op, graph: _only_arguments(graph, op.out))
FLAT.on(Shift)(lambda op, graph: op.amount in graph.constants and _only_arguments(graph, op.out))
