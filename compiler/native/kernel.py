"""A whole network as one function over a few sequences: samples in, outputs and states out, in LLVM's text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import MatVec, SegmentSum, StateRead
from compiler.graph.workload import work
from compiler.loops.loop_plan import BlockPlan, Loop, plan_loops
from compiler.loops.row_memory import RowMemory, memory
from compiler.native.cpu import Cpu
from compiler.native.elements import ELEMENTS
from compiler.native.llvm_text import Code
from compiler.native.matrix import multiply
from compiler.native.operands import Along, Element, KernelParts
from compiler.native.pool import Pool, ScratchRows
from compiler.native.sample import write_enter, write_sample
from compiler.native.slots import add_in_slots, all_in_slots
from compiler.native.sums import add_up
from compiler.ranges.proven import Proven

ARGUMENTS = ("x", "y", "tracks", "records", "memory", "constants", "tables", "clips")
"""Arrays that the function is given; after them the number of samples, and the words from one row of the first four to
the next."""
RUN = "void @run"
WOVEN, HALF, ALONG = 4, 2, 2
"""How many vector registers an element takes: instructions wait for one another, and so are woven of several."""
TOGETHER = 2
"""How many elements of all lanes are woven as well."""


@dataclass(frozen=True)
class Kernel:
    """The text of a function, and the arrays that it is called with."""

    text: str
    lanes: int
    """how many sequences run side by side; 1 where its vectors lie along the elements"""
    memory: RowMemory
    rows: int
    """how many rows of memory it takes in all"""
    record: tuple[str, ...]
    constants: np.ndarray
    tables: np.ndarray
    clips: dict[str, int]
    clip_rows: int
    """as `KernelParts` have them"""

    @cached_property
    def places(self) -> tuple[int, int]:
        """Where constants and tables lie."""
        return self.constants.ctypes.data, self.tables.ctypes.data

    @cached_property
    def work(self) -> int:
        """How many elements it computes for a sample."""
        return work(self.memory.graph).elements

    @cached_property
    def start(self) -> np.ndarray:
        """What the rows of memory hold before the first sample: initial states, constants, and else zeros."""
        graph, start = self.memory.graph, np.zeros(self.rows, self.constants.dtype)
        states = [(s.initial, self.memory.states[s.name]) for s in graph.states]
        for name, first in (*self.memory.constants.items(), *states):
            start[first : first + graph.constants[name].size] = graph.constants[name].ravel()
        return start


def lanes(bits: int, cpu: Cpu, woven: int) -> int:
    """How many words so many registers hold."""
    return woven * 8 * cpu.register // bits


def kernel(proven: Proven, cpu: Cpu, record: Sequence[str] = (), *, woven: int = WOVEN) -> Kernel:
    """The function for sequences side by side in so many registers, or for one along its elements, where `woven` is 0;
    values `record` are given out, too."""
    graph, record, along = proven.graph, tuple(record), not woven
    code = Code(proven.bits, lanes(proven.bits, cpu, woven or ALONG), along, cpu)
    whole = code.lanes if along else 1
    clips, row = dict[str, int](), 0
    for site in proven.saturations:
        clips[site.value] = row
        row += -(-graph.size(site.value) // whole) * whole
    once = graph.values.keys() - clips.keys()  # what can be clipped is counted in each iteration
    steps = plan_loops(graph, record, once=once)
    if along and not all_in_slots(graph, steps, clips, code.lanes):
        steps = plan_loops(graph, record, once=once, sums_apart=True)
    where = memory(graph, steps, whole)
    pools = Pool(proven.bits, whole), Pool(32, whole)
    code.put("%unknown = alloca i64")
    unit = KernelParts(code, proven, where, *pools, clips, row, ScratchRows(where.size))
    sample = code.begin("%steps", "sample")
    features = graph.size(graph.entry.out)
    enters = code.at("%memory", str(where.values[graph.entry.out]))
    _take(unit, sample.index, enters, features)
    for block in steps.blocks:
        _block(unit, block, sample.index)
    _give(unit, "%tracks", sample.index, [(where.states[s.name], s.size) for s in graph.states])
    _give(unit, "%records", sample.index, [(where.values[n], graph.size(n)) for n in record])
    code.end(sample)
    wide, size = 1 if along else code.lanes, unit.packed.end
    text = _text({RUN: code, "i64 @enter": _enter(unit), "i64 @sample": _sample(unit)})
    return Kernel(text, wide, where, size, record, unit.constants.joined(), unit.tables.joined(), clips, row)


def _enter(unit: KernelParts) -> Code:
    """What makes integers of samples."""
    code, graph = _like(unit.code), unit.proven.graph
    write_enter(code, ARGUMENTS, graph.size(graph.entry.out))
    return code


def _like(code: Code) -> Code:
    """Another function."""
    return Code(code.bits, code.lanes, code.along, code.cpu)


def _sample(unit: KernelParts) -> Code:
    """What takes one sample of all sequences."""
    graph, where, code = unit.proven.graph, unit.memory, _like(unit.code)
    outside = sizes(graph, ())
    rows = (*(outside if code.along else [1] * len(outside)), unit.packed.end, 0, 0, 3 * unit.clip_rows)
    strides = {name: count * code.row_bytes for name, count in zip(ARGUMENTS, rows, strict=True)}
    clips = [(first, graph.size(name)) for name, first in unit.clips.items()]
    write_sample(code, strides, (outside[1], where.states_end), clips)
    return code


def sizes(graph: IntegerGraph, record: Sequence[str]) -> tuple[int, int, int, int]:
    """How many rows the first four of `ARGUMENTS` have a sample."""
    states, recorded = sum(s.size for s in graph.states), sum(graph.size(n) for n in record)
    return graph.size(graph.entry.out), graph.size(graph.answer.x), states, recorded


def _text(functions: Mapping[str, Code]) -> str:
    """A module of functions, by what they return and are called; all but `run` take a block of words."""
    arguments = ", ".join(f"ptr noalias nocapture %{n}" for n in ARGUMENTS)
    lines = sorted(set().union(*(code.declared for code in functions.values())))
    for name, code in functions.items():
        given = f"{arguments}, i64 %steps, i64 %stride" if name == RUN else "ptr nocapture %block"
        lines += [f"define {name}({given}) {{", "entry:", *code.lines, *(["  ret void"] if name == RUN else []), "}"]
    return "\n".join([*lines, "!0 = !{}", *functions[RUN].metadata]) + "\n"


def _give(unit: KernelParts, base: str, sample: str, parts: Sequence[tuple[int, int]]) -> None:
    """Copy parts of the memory, (first row, rows), one after another to what a sample gives out."""
    code, done = unit.code, 0
    start = _rows(code, base, sample, sum(rows for _, rows in parts))
    for first, rows in parts:
        _out(unit, str(first), start, done, rows)
        done += rows


def _rows(code: Code, base: str, sample: str, size: int) -> str:
    """The address of a sample's rows in an array of `size` rows a sample."""
    start = code.set(f"mul nuw nsw i64 {sample}, {size}")
    return _strided(code, base, start)


def _strided(code: Code, base: str, row: str) -> str:
    """The address of a row of what lies outside: rows of all sequences, of which these lanes are some."""
    if code.along:
        return code.at(base, row)
    words = code.set(f"mul nuw nsw i64 {row}, %stride")
    return code.set(f"getelementptr inbounds {code.word}, ptr {base}, i64 {words}")


def _take(unit: KernelParts, sample: str, to: str, rows: int) -> None:
    """Copy a sample's rows into memory."""
    code, start = unit.code, _rows(unit.code, "%x", sample, rows)
    if code.along:
        code.copy(to, start, rows)
    elif rows:
        row = code.begin(str(rows), "row")
        code.store(code.load(_strided(code, start, row.index)), code.at(to, row.index))
        code.end(row)


def _out(unit: KernelParts, first: str, start: str, done: int, rows: int) -> None:
    """Copy rows of memory to those `done` rows after `start`, outside."""
    code = unit.code
    if code.along:
        code.copy(code.at(start, str(done)), code.at("%memory", first), rows)
    elif rows:
        source, to = code.at("%memory", first), _strided(code, start, str(done))
        row = code.begin(str(rows), "row")
        code.store(code.load(code.at(source, row.index)), _strided(code, to, row.index))
        code.end(row)


def _block(unit: KernelParts, planned: BlockPlan, sample: str) -> None:
    code, graph, where, block = unit.code, unit.proven.graph, unit.memory, planned.block
    repeat = code.begin(str(block.repeat), "iteration") if block.repeat > 1 else None
    unit.packed.begin()
    reads = {op.out: op.state for op in block.ops if isinstance(op, StateRead)}
    for step in planned.steps:
        if isinstance(step, MatVec):
            multiply(unit, step, reads)
        elif isinstance(step, SegmentSum):
            add_up(unit, step, reads)
        elif step.size:
            _loop(unit, step, reads)
    for op in block.outputs:
        size = graph.size(op.x)
        _out(unit, str(where.first(op.x, {})), _rows(code, "%y", sample, size), 0, size)
    for op in block.commits:
        to = code.at("%memory", str(where.states[op.state]))
        size = graph.state(op.state).size
        whole = -(-size // code.lanes) * code.lanes if code.along else size  # vectors, as others store and load them
        code.copy(to, code.at("%memory", str(where.first(op.x, {}))), whole)
    if repeat is not None:
        code.end(repeat)


def _loop(unit: KernelParts, loop: Loop, reads: dict[str, str]) -> None:
    """The ops of a loop, element by element."""
    code, where, graph = unit.code, unit.memory, unit.proven.graph
    sums = [op for op in loop.ops if isinstance(op, SegmentSum)]
    if sums and code.along:
        add_in_slots(unit, loop, reads)
        return
    for op in sums:
        _clear(unit, where.values[op.out], graph.size(op.out))
    if code.along:
        _elements(unit, loop, reads, Passes(0, -(-loop.size // code.lanes)))
        return
    together = TOGETHER if unit.code.cpu.permutes else 1  # elsewhere they take more registers than there are
    passes, rest = divmod(loop.size, together)
    if passes:
        _elements(unit, loop, reads, Passes(0, passes, together))
    if rest:
        _elements(unit, loop, reads, Passes(loop.size - rest, rest))


@dataclass(frozen=True)
class Passes:
    """So many passes over elements from `start` on, some `together`: their instructions lie side by side."""

    start: int
    count: int
    together: int = 1


def _elements(unit: KernelParts, loop: Loop, reads: dict[str, str], each: Passes) -> None:
    """The passes of a loop.

    Where anything was clipped, which is rare, they are done again to count it: so all of a pass is one block of
    instructions, and nothing is kept for the count.
    """
    code, where = unit.code, unit.memory
    loads, stores = code.scope()
    counted = code.begin(str(each.count), "element")
    step = code.lanes if code.along else each.together
    first = code.set(f"mul nuw nsw i64 {counted.index}, {step}") if step > 1 else counted.index
    starts = [each.start + i for i in range(each.together)]

    def passes(first: str, *, counting: bool = False) -> list[Element]:
        numbers = [code.set(f"add nuw nsw i64 {first}, {n}") if n else first for n in starts]
        kind = Along if code.along else Element
        found = [kind(unit, n, reads, loads=loads, stores=stores, counting=counting) for n in numbers]
        for op in loop.ops:
            assert op.result is not None
            if counting and isinstance(op, SegmentSum):
                continue
            for at in found:
                at.registers[op.result] = ELEMENTS(op, at)
                if op.result in where.values and not (counting or isinstance(op, SegmentSum)):
                    code.store(at.registers[op.result], at.in_order(where.values[op.result]), stores)
        return found

    done_once = passes(first)
    changes = [register for at in done_once for register in at.changes]
    if changes and code.along and loop.size % code.lanes:  # lanes beyond the last element hold anything
        there = done_once[0].number(np.full(loop.size, -1))
        changes = [code.two("and", register, there) for register in changes]
    if changes:
        done = code.rarely(changes)
        passes(code.unknown(first), counting=True)
        code.put(f"br label %{done}")
        code.label(done)
    code.end(counted)


def _clear(unit: KernelParts, first: int, rows: int) -> None:
    code = unit.code
    count = rows * code.row_bytes
    code.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
    code.put(f"call void @llvm.memset.p0.i64(ptr {code.at('%memory', str(first))}, i8 0, i64 {count}, i1 false)")
