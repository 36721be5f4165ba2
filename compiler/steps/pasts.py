"""What elements were while no sample had reached them: numbers, which a state that moves before then runs through.

Delayed samples reach a cell with biases after its state has moved. The program of one step makes these numbers, too,
where what it is made of was what the model made them of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from compiler.graph.ops import Add, Elementwise, Mul, Sub
from compiler.interpreters.execution import Frame
from compiler.interpreters.float64 import KERNELS
from compiler.steps.elements import NEVER, ElementKind, Elements, Sum
from compiler.steps.orbits import ANSWER, Orbits
from compiler.steps.predecessors import alike
from compiler.steps.wide_sums import NO_SAMPLE, NOTHING, WideRow
from hw_models.arrays import Floats, Integers

ROUNDING = 1e-6
"""How far a number may be from what its operands give: the model's own arithmetic; the proof of the trace decides"""
LINEAR = (Add, Sub, Mul, Sum)


def early_lag(orbits: Orbits, reader: int, element: int) -> int:
    """How many steps before `reader`, a newest element, its operand is computed, both as early as can be."""
    known, head = orbits.elements.known, orbits.newest[element]
    return known[reader] - (known[head] - orbits.ago[element])


def run_through(orbits: Orbits, answers: Mapping[int, Integers]) -> list[tuple[int, int, int]]:
    """Numbers that change from step to step until a sample reaches what they are: they are its `earlier` ones. Returns
    the others."""
    elements, after, others = orbits.elements, dict[int, int](), list[tuple[int, int, int]]()
    for late, early in orbits.before.items():
        after.setdefault(early, late)
    for reader, late, early in orbits.numbers:
        rows = [answers[t].tolist() for t in sorted(answers)] if reader == ANSWER else _readers(orbits, after, reader)
        columns = list(zip(*rows, strict=True)) if len({len(row) for row in rows}) == 1 else []
        runs = [
            (column, at)
            for column in columns
            for at in range(1, len(column))
            if column[at - 1 : at + 1] == (early, late)
        ]
        reached = [_reached(elements, column, at) for column, at in runs if reader == ANSWER or at == 1]
        if not reached or None in reached:
            others.append((reader, late, early))
        for element, ago in filter(None, reached):
            orbits.earlier.setdefault(element, {})[ago] = early
    return others


def _readers(orbits: Orbits, after: Mapping[int, int], reader: int) -> list[tuple[int, ...]]:
    """What a reader reads, from the step before on."""
    operands, here = orbits.elements.operands, orbits.before.get(reader, reader)
    rows = [operands[here]]
    while here in after and len(rows) < len(after):
        here = after[here]
        rows.append(operands[here])
    return rows


def _reached(elements: Elements, column: Sequence[int], at: int) -> tuple[int, int] | None:
    """The first of these elements that a sample has reached, and how many numbers before it the one before `at` is."""
    for ago, element in enumerate(column[at + 1 :], 1):
        if elements.known[element] != NEVER:
            return element, ago
    return None


def has_moved(orbits: Orbits, head: int) -> bool:
    """Whether a newest element, or what it is made of, was one number and then another before samples reached it."""
    operands = (orbits.newest.get(operand) for operand in orbits.elements.operands[head])
    return any(one in orbits.past and not orbits.past[one].ever for one in (head, *operands))


def compute_early(orbits: Orbits) -> tuple[int, int] | None:
    """Let those that move be computed from the step on from which their op gives what they were. Returns a number, and
    the one before it, that one of them is at steps before that; None where none is."""
    still = {head for head, past in orbits.past.items() if past.ever}
    while moved := {head for head in still if has_moved(orbits, head)}:
        orbits.past |= {head: replace(orbits.past[head], ever=False) for head in moved}
        still -= moved
    for head in sorted(still):  # from the start on, where its op gives what it was: so it may be computed later
        if orbits.first[head] > 0 and all(follows(orbits, head, step) for step in range(orbits.first[head])):
            orbits.first[head] = 0
    for head in sorted(orbits.past.keys() - still):
        past = orbits.past[head]
        first = past.reached
        while first > 0 and follows(orbits, head, first - 1):
            first -= 1
        orbits.first[head] = first
        for now, before in pairwise(past.numbers[past.reached - first :][:first]):
            if not alike(orbits.elements, now, before):
                return now, before
    return None


def follows(orbits: Orbits, head: int, step: int) -> bool:
    """Whether what a newest element was at a step, before a sample had reached it, is what its op made then, or nobody
    has read it."""
    elements = orbits.elements
    own = orbits.past[head].at(step) if head in orbits.past else None
    if own is None:
        return isinstance(elements.kinds[head], LINEAR) and _unread(orbits, head, step)
    value = _made(orbits, head, step)
    if value is not None:
        return bool(np.isclose(value, elements.values[own], rtol=ROUNDING, atol=ROUNDING))
    kinds, ours = elements.kinds, elements.operands[own]
    pairs = zip(elements.operands[head], ours, strict=len(ours) == len(elements.operands[head]))
    return kinds[head] == kinds[own] and all(_was(orbits, head, operand, step) == number for operand, number in pairs)


def number_at(orbits: Orbits, head: int, step: int) -> float | None:
    """The number that a newest element was at a step; where nobody has read it that which its op made, which may be
    taken to be 0 before the first step if that is not known. None where a sample may have reached it."""
    number = orbits.past[head].at(step) if head in orbits.past else None
    if number is not None:
        return orbits.elements.values[number]
    if not _unread(orbits, head, step):
        return None
    if step < orbits.earliest:
        return 0.0
    made = _made(orbits, head, step) if isinstance(orbits.elements.kinds[head], LINEAR) else None
    return 0.0 if made is None and step < 0 else made


def _unread(orbits: Orbits, head: int, step: int) -> bool:
    return head not in orbits.instead and (head not in orbits.past or step < orbits.past[head].reached)


def _was(orbits: Orbits, reader: int, operand: int, step: int) -> int | None:
    """The number that an operand of a newest element was when that was at a step; None where it is not known."""
    if orbits.elements.known[operand] == NEVER:
        return operand
    past = orbits.past.get(orbits.newest.get(operand, NEVER))
    return None if past is None else past.at(step - early_lag(orbits, reader, operand))


def _made(orbits: Orbits, head: int, step: int) -> float | None:
    """What the op of a newest element made of its operands at a step; None where that is not known."""
    elements, values = orbits.elements, list[float]()
    for operand in elements.operands[head]:
        number, newest = _was(orbits, head, operand, step), orbits.newest.get(operand, head)
        if number is not None:
            values.append(elements.values[number])
        elif newest == head or (value := number_at(orbits, newest, step - early_lag(orbits, head, operand))) is None:
            return None
        else:
            values.append(value)
    return value_of(elements.kinds[head], values)


def value_of(kind: ElementKind, x: list[float]) -> float | None:
    """The element that is made of these operands; None of an input, and of a block that repeats."""
    return values_of(kind, np.array(x)[:, None]).item() if isinstance(kind, (Sum, WideRow, Elementwise)) else None


def values_of(kind: ElementKind, x: Floats) -> Floats:
    """Elements of a kind that are made of these operands, each a column."""
    if isinstance(kind, Sum):
        return np.array(kind.weights) @ x
    if isinstance(kind, WideRow):
        return kind.values(x)
    assert isinstance(kind, Elementwise)
    names = [str(number) for number in range(len(x))]
    waiting = iter(["", *names])
    op = kind.renamed(lambda _: next(waiting))
    with np.errstate(all="ignore"):
        return KERNELS(op, NOTHING)(Frame({n: own[:, None] for n, own in zip(names, x, strict=True)}, NO_SAMPLE))[:, 0]
