"""Which ops share a loop: the elementwise ones of one size and one level, from the values that are whole by then.

A `Gather` is a load wherever its result is read element by element; a `SegmentSum` adds each element to its result in
the loop that computes it, or stands alone as a `MatVec` does. Ops move as late as they can, next to what reads them,
so that little is stored; what is the same in all iterations of a block is computed before the first.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from compiler.graph.graph import Block
from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Gather, Input, MatVec, Op, SegmentSum, StateRead

WholeSourceOps: TypeAlias = "tuple[type[Op], ...]"
WHOLE: WholeSourceOps = (Gather, MatVec)
"""Ops that may read any element of their sources"""


@dataclass(frozen=True)
class Loop:
    """Ops over the elements of values of one size, in order. A `SegmentSum` has the size of what it reads."""

    size: int
    ops: tuple[Op, ...]


Planned: TypeAlias = "Loop | MatVec | SegmentSum"


@dataclass(frozen=True)
class BlockPlan:
    """One iteration of a block: its steps; then its outputs leave, and its states take what is written to them."""

    block: Block
    steps: tuple[Planned, ...]


@dataclass(frozen=True)
class LoopPlan:
    """A graph's blocks, some in two parts, and the values that need memory: any other is known only within its loop."""

    blocks: tuple[BlockPlan, ...]
    stored: frozenset[str]
    """The read of a state that is none of them is the state's own memory."""


def plan_loops(
    graph: IntegerGraph, record: Iterable[str] = (), *, once: Container[str] = (), sums_apart: bool = False
) -> LoopPlan:
    """How to run `graph`; the values `record` are stored, too.

    `once`: what may be computed before a block's first iteration; `sums_apart`: a `SegmentSum` is a step of its own.
    """
    whole = (*WHOLE, SegmentSum) if sums_apart else WHOLE
    blocks = [part for block in graph.blocks for part in _parts(block, once)]
    stored = {*record, graph.entry.out, *_wanted(graph, blocks, whole)}
    return LoopPlan(tuple(_planned(graph, block, stored, whole) for block in blocks), frozenset(stored))


def _parts(block: Block, once: Container[str]) -> tuple[Block, ...]:
    """What is the same in all iterations, as a block that runs once, before the rest."""
    made, same = {op.result for op in block.computed}, dict[str, Op]()
    for op in block.computed if block.repeat > 1 else ():
        free = not isinstance(op, (StateRead, Input)) and all(n in same or n not in made for n in op.operands)
        if free and op.result is not None and op.result in once:
            same[op.result] = op
    read = {n for op in same.values() for n in op.operands}
    before = [op for name, op in same.items() if not isinstance(op, Gather) or name in read]  # else a load in any case
    if not before:
        return (block,)
    return Block(block.name, tuple(before)), replace(block, ops=tuple(op for op in block.ops if op not in before))


def _wanted(graph: IntegerGraph, blocks: Iterable[Block], whole: WholeSourceOps) -> Iterable[str]:
    """What leaves, is written to states, or is read in another block or at any element."""
    home = {op.result: block for block in blocks for op in block.computed}
    for block in blocks:
        for op in block.ops:
            if op.result is None:
                yield from op.operands
            for name in op.operands:
                here = home.get(name, block) is block
                own = isinstance(graph.makers.get(name), StateRead) and here
                if not here or (isinstance(op, whole) and not own):
                    yield name


def _planned(graph: IntegerGraph, block: Block, stored: set[str], whole: WholeSourceOps) -> BlockPlan:
    """The steps of a block. What one loop computes and another reads is `stored` from here on."""
    made = {op.result: op for op in block.computed if op.result is not None}
    level = _levels(made, whole)
    home = {name: (level[name], _size(graph, op)) for name, op in made.items()}
    loops: dict[tuple[int, int], list[Op]] = {}
    for name, op in made.items():
        if isinstance(op, (SegmentSum, MatVec)):
            stored.add(name)
        for operand in op.operands:
            maker = made.get(operand)
            in_memory = maker is None or isinstance(maker, (Gather, StateRead, Input))
            if not in_memory and home[operand] != home[name]:
                stored.add(operand)
    for name, op in made.items():
        if isinstance(op, Input) or (isinstance(op, (Gather, StateRead)) and name not in stored):
            continue
        loops.setdefault(home[name], []).append(op)
    steps: list[Planned] = []
    for (_, size), ops in sorted(loops.items(), key=lambda item: item[0]):
        alone = [op for op in ops if isinstance(op, MatVec) or (isinstance(op, SegmentSum) and SegmentSum in whole)]
        rest = tuple(op for op in ops if op not in alone)
        steps += alone
        steps += [Loop(size, rest)] if rest else []
    return BlockPlan(block, tuple(steps))


def _size(graph: IntegerGraph, op: Op) -> int:
    return graph.size(op.x if isinstance(op, SegmentSum) else op.result or "")


def _levels(made: Mapping[str, Op], whole: WholeSourceOps) -> dict[str, int]:
    """When each value is computed: after all that must be whole before it, and as late as what reads it allows."""
    level: dict[str, int] = {}
    for name, op in made.items():
        level[name] = max((level[n] + _apart(made[n], op, whole) for n in op.operands if n in made), default=0)
    for name, op in reversed(list(made.items())):
        readers = [(n, other) for n, other in made.items() if name in other.operands]
        if readers and not isinstance(op, (StateRead, Input)):
            level[name] = min(level[n] - _apart(op, other, whole) for n, other in readers)
    return level


def _apart(before: Op, after: Op, whole: WholeSourceOps) -> int:
    """1 where the second reads the whole of the first, or of what the first adds up to; 0 where they share a loop."""
    if isinstance(before, (StateRead, Input)):
        return 0  # in memory before the block begins
    return int(isinstance(after, whole) or isinstance(before, (SegmentSum, MatVec)))
