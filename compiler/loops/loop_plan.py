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
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Elementwise, Gather, Input, MatVec, Op, SegmentSum, StateRead


@dataclass(frozen=True)
class InLoops:
    """How an op stands to loops over elements."""

    ready: bool = False
    """its result is in memory before the block begins"""
    loads: bool = False
    """its result is a load wherever it is read, and computed only where it is stored"""
    anywhere: bool = False
    """it may read any element of its sources"""
    complete: bool = False
    """no element of its result is there before all are"""
    alone: bool = False
    """it is a step of its own"""


IN_LOOPS: OpTable[[bool], InLoops] = OpTable("loops")
"""How ops stand to loops; the argument: whether a `SegmentSum` is a step of its own."""
IN_LOOPS.always(InLoops(), Elementwise)
IN_LOOPS.always(InLoops(ready=True), Input)
IN_LOOPS.always(InLoops(ready=True, loads=True), StateRead)
IN_LOOPS.always(InLoops(loads=True, anywhere=True), Gather)
IN_LOOPS.always(InLoops(complete=True, anywhere=True, alone=True), MatVec)


IN_LOOPS.on(SegmentSum)(lambda op, sums_apart: InLoops(complete=True, anywhere=sums_apart, alone=sums_apart))


@dataclass(frozen=True)
class Loop:
    """Ops over the elements of values of one size, in order. A `SegmentSum` has the size of what it reads."""

    size: int
    ops: tuple[Op, ...]


Planned: TypeAlias = "Loop | MatVec | SegmentSum"
HowInLoops: TypeAlias = Mapping[str, InLoops]
"""of each value's op"""


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
    how = {op.result: IN_LOOPS(op, sums_apart) for _, op in graph.ops() if op.result is not None}
    blocks = [part for block in graph.blocks for part in _parts(block, once, how)]
    stored = {*record, graph.entry.out, *_wanted(graph, blocks, how)}
    return LoopPlan(tuple(_planned(graph, block, stored, how) for block in blocks), frozenset(stored))


def _parts(block: Block, once: Container[str], how: HowInLoops) -> tuple[Block, ...]:
    """What is the same in all iterations, as a block that runs once, before the rest."""
    made, same = {op.result for op in block.computed}, dict[str, Op]()
    for op in block.computed if block.repeat > 1 else ():
        free = all(n in same or n not in made for n in op.operands)
        if free and op.result is not None and op.result in once and not how[op.result].ready:
            same[op.result] = op
    read = {n for op in same.values() for n in op.operands}
    before = [op for name, op in same.items() if not how[name].loads or name in read]  # else a load in any case
    if not before:
        return (block,)
    return Block(block.name, tuple(before)), replace(block, ops=tuple(op for op in block.ops if op not in before))


def _wanted(graph: IntegerGraph, blocks: Iterable[Block], how: HowInLoops) -> Iterable[str]:
    """What leaves, is written to states, or is read in another block or at any element."""
    home = {op.result: block for block in blocks for op in block.computed}
    for block in blocks:
        for op in block.ops:
            if op.result is None:
                yield from op.operands
            for name in op.operands:
                here = home.get(name, block) is block
                own = isinstance(graph.makers.get(name), StateRead) and here
                if not here or (op.result is not None and how[op.result].anywhere and not own):
                    yield name


def _planned(graph: IntegerGraph, block: Block, stored: set[str], how: HowInLoops) -> BlockPlan:
    """The steps of a block. What one loop computes and another reads is `stored` from here on."""
    made = {op.result: op for op in block.computed if op.result is not None}
    level = _levels(made, how)
    home = {name: (level[name], _size(graph, op)) for name, op in made.items()}
    loops: dict[tuple[int, int], list[Op]] = {}
    for name, op in made.items():
        if how[name].complete:
            stored.add(name)
        for operand in op.operands:
            in_memory = operand not in made or how[operand].ready or how[operand].loads
            if not in_memory and home[operand] != home[name]:
                stored.add(operand)
    for name, op in made.items():
        if name in stored if how[name].loads else not how[name].ready:
            loops.setdefault(home[name], []).append(op)
    steps: list[Planned] = []
    for (_, size), ops in sorted(loops.items(), key=lambda item: item[0]):
        alone = [op for op in ops if isinstance(op, (MatVec, SegmentSum)) and how[op.out].alone]
        rest = tuple(op for op in ops if op not in alone)
        steps += alone
        steps += [Loop(size, rest)] if rest else []
    return BlockPlan(block, tuple(steps))


def _size(graph: IntegerGraph, op: Op) -> int:
    return graph.size(op.x if isinstance(op, SegmentSum) else op.result or "")


def _levels(made: Mapping[str, Op], how: HowInLoops) -> dict[str, int]:
    """When each value is computed: after all that must be whole before it, and as late as what reads it allows."""
    level: dict[str, int] = {}
    for name, op in made.items():
        level[name] = max((level[n] + _apart(how[n], how[name]) for n in op.operands if n in made), default=0)
    for name in reversed(list(made)):
        readers = [n for n, other in made.items() if name in other.operands]
        if readers and not how[name].ready:
            level[name] = min(level[n] - _apart(how[name], how[n]) for n in readers)
    return level


def _apart(before: InLoops, after: InLoops) -> int:
    """1 where the second reads the whole of the first, or of what the first adds up to; 0 where they share a loop."""
    return int(not before.ready and (after.anywhere or before.complete))
