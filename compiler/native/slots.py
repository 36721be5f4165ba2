"""Segment sums of one sequence: elements lie so that what is added up is in one lane, vector after vector."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np

from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import SegmentSum
from compiler.loops.loop_plan import Loop, LoopPlan
from compiler.native.elements import ELEMENTS
from compiler.native.operands import Along, KernelParts
from compiler.native.sums import OpenSums
from hw_models.arrays import Integers

MOST_PADDING = 2
"""More lanes than this for each element would be for nothing."""
NONE = -1


@dataclass(frozen=True)
class Slots:
    """Where the elements of a loop lie."""

    elements: Integers
    """(groups of results, vectors of a group, lanes): an element, or `NONE`"""
    lanes_of: Integers
    """(terms, results of a group): the lanes that are added up in the end, or `NONE`; no terms: each result has its
    own lane"""


def slots(segment: Integers, size: int, lanes: int) -> Slots:
    """For elements of these segments, of which there are `size`."""
    counts = np.bincount(segment, minlength=size)
    members = np.split(np.argsort(segment, kind="stable"), np.cumsum(counts)[:-1])
    most = int(counts.max(initial=1))
    if size > lanes:
        places = np.full((-(-size // lanes), most, lanes), NONE)
        for result, own in enumerate(members):
            places[result // lanes, : own.size, result % lanes] = own
        return Slots(places, np.empty((0, lanes), np.int64))
    deep = next(n for n in range(1, most + 1) if np.sum(-(-counts // n)) <= lanes)
    many = -(-counts // deep)  # lanes of each result
    first = np.arange(size) if many.max(initial=0) <= 1 else np.cumsum(many) - many
    places = np.full((deep, lanes), NONE)
    for result, own in enumerate(members):
        places[np.arange(own.size) % deep, first[result] + np.arange(own.size) // deep] = own
    if many.max(initial=0) <= 1:
        return Slots(places[None], np.empty((0, lanes), np.int64))
    terms = np.arange(many.max())[:, None]
    return Slots(places[None], np.where(terms < many, first + terms, NONE))


def all_in_slots(graph: IntegerGraph, steps: LoopPlan, clips: Container[str], lanes: int) -> bool:
    """Whether all loops that add up their elements do nothing else."""
    loops = [s for block in steps.blocks for s in block.steps if isinstance(s, Loop)]
    return all(
        _only_adds(graph, loop, steps.stored, clips, lanes)
        for loop in loops
        if any(isinstance(op, SegmentSum) for op in loop.ops)
    )


def _only_adds(graph: IntegerGraph, loop: Loop, stored: Container[str], clips: Container[str], lanes: int) -> bool:
    sums = [op for op in loop.ops if isinstance(op, SegmentSum)]
    segment, size = graph.constants[sums[0].segment], graph.size(sums[0].out)
    same = all(np.array_equal(graph.constants[s.segment], segment) and graph.size(s.out) == size for s in sums)
    free = all(n is None or not (n in stored or n in clips) for n in (op.result for op in loop.ops if op not in sums))
    most = MOST_PADDING * loop.size + lanes
    return same and free and (loop.size == 0 or slots(segment, size, lanes).elements.size <= most)


@dataclass
class Placed(Along):
    """One pass over elements that lie in any order."""

    order: Integers | None = None

    def own(self, first: int) -> str:
        """These elements of what lies in rows from `first` on."""
        assert self.order is not None
        return self.anywhere(first + self.order)

    def taken(self, rows: Integers) -> str:
        """What lies in the rows that a table has for these elements."""
        return self.anywhere(rows[self.order])

    def number(self, array: np.ndarray) -> str:
        """These elements of a constant."""
        return super().number(array.ravel()[self.order])


def add_in_slots(unit: KernelParts, loop: Loop, reads: Mapping[str, str]) -> None:
    """The ops of a loop, and all of its sums."""
    code, graph, values = unit.code, unit.proven.graph, unit.memory.values
    sums = [op for op in loop.ops if isinstance(op, SegmentSum)]
    where = slots(graph.constants[sums[0].segment], graph.size(sums[0].out), code.lanes)
    groups, deep, lanes = where.elements.shape
    elements = where.elements.ravel()
    outer = code.begin(str(groups), "group") if groups > 1 else None
    total = OpenSums(code, len(sums), deep)
    index = code.set(f"mul nuw nsw i64 {total.index}, {lanes}")
    if outer is not None:
        index = code.set(f"add nuw nsw i64 {index}, {code.set(f'mul nuw nsw i64 {outer.index}, {deep * lanes}')}")
    at = Placed(unit, index, reads, order=np.maximum(elements, 0))
    for op in loop.ops:
        if op not in sums and op.result is not None:
            at.registers[op.result] = ELEMENTS(op, at)
    there = "" if (elements != NONE).all() else Along(unit, index, reads).number(np.where(elements == NONE, 0, -1))
    for number, op in enumerate(sums):
        term = code.two("and", at.read(op.x), there) if there else at.read(op.x)
        total.set(number, code.two("add", total.before[number], term))
    total.end()
    for op, vector in zip(sums, total.totals, strict=True):
        row = str(values[op.out])
        if outer is not None:
            row = code.set(f"add nuw nsw i64 {code.set(f'mul nuw nsw i64 {outer.index}, {lanes}')}, {row}")
        code.store(_gathered(unit, vector, where.lanes_of), code.at("%memory", row))
    if outer is not None:
        code.end(outer)


def _gathered(unit: KernelParts, vector: str, lanes_of: Integers) -> str:
    """Each result in its lane: the sum of the lanes that it has."""
    code, terms = unit.code, list[str]()
    for lanes in lanes_of:
        chosen = np.full(code.lanes, code.lanes)  # beyond the last: a lane of zeros
        chosen[: lanes.size] = np.where(lanes == NONE, code.lanes, lanes)
        mask = ", ".join(f"i32 {lane}" for lane in chosen)
        zeros = f"{code.vector} zeroinitializer"
        terms.append(code.set(f"shufflevector {code.vector} {vector}, {zeros}, <{code.lanes} x i32> <{mask}>"))
    while len(terms) > 1:
        terms = [
            code.two("add", *terms[i : i + 2]) if i + 1 < len(terms) else terms[i] for i in range(0, len(terms), 2)
        ]
    return terms[0] if terms else vector
