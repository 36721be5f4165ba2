"""States so slow that rounding would stop them: which sums of a state and its step need a carry, see carry.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph.graph import Graph
from compiler.graph.ops import Add, Op, StateRead, StateWrite, Sub
from compiler.quantize.modes import mixed, slowest
from compiler.quantize.ranged import Ranged
from compiler.quantize.retention import Kept, retention
from compiler.rewrite.leaks import may_be
from hw_models.arrays import Floats

FEWEST_BITS = 1
"""With fewer a carry is not worth its instructions."""
SHORT = 1e-3
"""How far short a neuron may stop, as a part of its largest value: 0.1 % of a gain."""
SMALL = 1 / 64
"""Neurons that reach less of what the state's largest does are not looked at more closely than this."""


@dataclass(frozen=True)
class Carried:
    """A sum of the state `read` and a `step` that becomes the state."""

    state: str
    read: str
    step: str


def find_carried(ranged: Ranged, natural: Mapping[str, int]) -> dict[str, Carried]:
    """The sums, by their results, of states that need a carry and whose steps have room for one.

    `natural` are the fraction bits that values may have, and states have.
    """
    graph, sequences = ranged.graph, ranged.observed.sequences
    found = {}
    for out, carried in sums_of_states(graph).items():
        room = natural.get(carried.step, 0) - natural.get(carried.state, 0)
        if ranged.precision.at(carried.state).carry and room >= FEWEST_BITS:
            found[out] = carried
    kept = retention(graph, sequences) if found else {}
    among = mixed(graph) if found else frozenset()
    mode = slowest(graph, sequences) if any(c.state in among for c in found.values()) else 1.0
    slow = {}
    for out, c in found.items():
        if c.state in kept:
            often = _sums(graph.makers, c.step)
            together = c.state in among and _stops_mode(kept[c.state], natural[c.state], mode, often)
            if together or _slow(kept[c.state], natural[c.state], often):
                slow[out] = c
    return slow


def _stops_mode(kept: Kept, fraction: int, leak: float, often: int) -> bool:
    """Whether rounding would stop the slowest mode of states that feed one another too early."""
    return often * 2.0**-fraction / 2 / leak > SHORT * float(kept.largest.max(initial=0.0))


def _sums(made: Mapping[str, Op], step: str) -> int:
    """How many sums a step is made of, at least one: without a carry each is rounded to the state's LSB."""
    found, waiting = 0, [step]
    while waiting:
        op = made.get(waiting.pop())
        if isinstance(op, (Add, Sub)):
            found += 1
            waiting += op.operands
    return max(1, found)


def _slow(kept: Kept, fraction: int, often: int) -> bool:
    """Whether rounding, so often in a step, would stop a neuron too early, or swallow its steps."""
    lsb = 2.0**-fraction
    reach = np.maximum(kept.largest, SMALL * kept.largest.max(initial=0.0))
    short = often * stops_short(kept.least, lsb)
    return bool(np.any(short > SHORT * reach) or np.any(_swallowed(kept.step, lsb)))


def stops_short(leak: Floats, lsb: float) -> Floats:
    """How far from where they should go neurons may stand still; 0 for those that do not leak."""
    return np.divide(lsb / 2, leak, out=np.zeros_like(leak), where=leak > 0)


def _swallowed(step: Floats, lsb: float) -> np.ndarray:
    return (step > 0) & (step < lsb)


def sums_of_states(graph: Graph) -> dict[str, Carried]:
    """The sums, by their results, of a state and its step that become the state, at once or where it is not reset."""
    found: dict[str, Carried] = {}
    for block in graph.blocks:
        made = {op.result: op for op in block.ops if op.result is not None}
        for op in block.ops:
            if isinstance(op, StateWrite):
                for out in _becomes(made, op.x):
                    carried = _split(made, made[out], op.state)
                    if carried is not None and out not in found:
                        found[out] = carried
                        break
    return found


def _becomes(made: Mapping[str, Op], name: str) -> list[str]:
    """The sums that may be what `name` is, after choices, limits and further terms."""
    found, waiting = [], [name]
    while waiting:
        op = made.get(waiting.pop())
        if isinstance(op, Add):
            found.append(op.out)
        waiting += may_be(op)
    return found


def _split(made: Mapping[str, Op], op: Op, state: str) -> Carried | None:
    if isinstance(op, Add):
        for read, step in ((op.a, op.b), (op.b, op.a)):
            source = made.get(read)
            if isinstance(source, StateRead) and source.state == state and step in made:
                return Carried(state, read, step)
    return None
