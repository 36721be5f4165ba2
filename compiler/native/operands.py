"""One pass of a loop in machine code: where it finds its operands, and what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from compiler.graph import ops
from compiler.loops.row_memory import RowMemory
from compiler.native.llvm_text import Code
from compiler.native.lookup import permuted
from compiler.native.pool import Pool, ScratchRows
from compiler.ranges.proven import Proven
from hw_models.arrays import Integers

REGISTERS = 2
"""Words that so many hold are permuted there, which takes less than to gather them from memory."""


@dataclass(frozen=True)
class KernelParts:
    """What all loops of a kernel write to and read from."""

    code: Code
    proven: Proven
    memory: RowMemory
    constants: Pool
    tables: Pool
    clips: Mapping[str, int]
    """the first row of each value that can be clipped, among those of all"""
    clip_rows: int
    """how many those are: of counts, then of the smallest, then of the largest that each was"""
    packed: ScratchRows
    """rows that this block has packed in pairs"""


@dataclass
class Element:
    """One pass of a loop: one element of all lanes, whose number is in the register `index`."""

    unit: KernelParts
    index: str
    reads: Mapping[str, str]
    """the state that each value of this block is, which reads one"""
    registers: dict[str, str] = field(default_factory=dict)
    loads: str = ""
    stores: str = ""
    """what tells LLVM that no load of this loop reads what it stores"""
    counting: bool = False
    changes: list[str] = field(default_factory=list)
    """registers that are not 0 where this pass clipped a value: the same pass is then done again, `counting`"""

    def read(self, name: str) -> str:
        """This element of a value or constant."""
        if name not in self.registers:
            self.registers[name] = self._loaded(name)
        return self.registers[name]

    def _loaded(self, name: str) -> str:
        memory, graph = self.unit.memory, self.unit.proven.graph
        if name in graph.constants:
            return self.constant(graph.constants[name])
        maker = graph.makers[name]
        if isinstance(maker, ops.Gather) and name not in memory.values:
            return self.taken(memory.taken(maker, self.reads))
        return self.own(memory.first(name, self.reads))

    def own(self, first: int) -> str:
        """This element of what lies in rows from `first` on."""
        return self.unit.code.load(self.in_order(first), self.loads)

    def in_order(self, first: int) -> str:
        """Where this element lies in memory, of rows that begin at `first`."""
        return self.unit.code.at("%memory", self.plus(first))

    def plus(self, offset: int) -> str:
        """The element's place in what begins at `offset`."""
        return self.unit.code.set(f"add nuw nsw i64 {self.index}, {offset}") if offset else self.index

    def taken(self, rows: Integers) -> str:
        """What lies in the row that a table has for this element."""
        if are_consecutive(rows):
            return self.unit.code.load(self.in_order(int(rows[0])), self.loads)
        return self.anywhere(rows)

    def anywhere(self, rows: Integers) -> str:
        """The same of rows in any order."""
        return self.unit.code.load(self.address(rows), self.loads)

    def address(self, rows: Integers) -> str:
        """Where the row lies that a table has for this element."""
        code = self.unit.code
        row = code.word_at("%tables", self.plus(self.unit.tables.put(rows)), "i32")
        return code.at("%memory", code.set(f"zext i32 {row} to i64"))

    def constant(self, array: np.ndarray) -> str:
        """This element of a constant; a number where all are the same."""
        if np.all(array == array.flat[0]):
            return self.unit.code.splat(int(array.flat[0]))
        return self.number(array)

    def number(self, array: np.ndarray) -> str:
        """This element of a constant whose elements differ."""
        code = self.unit.code
        return code.spread(code.word_at("%constants", self.plus(self.unit.constants.put(array))))


class Along(Element):
    """One pass of a loop over elements side by side: the register `index` has the number of the first."""

    def anywhere(self, rows: Integers) -> str:
        """What lies in the rows that a table has for these elements."""
        code = self.unit.code
        width = min(code.cpu.permutes, code.lanes)
        first = int(rows.min()) // code.lanes * code.lanes  # values begin there, and have whole vectors
        registers = -(-(int(rows.max()) + 1 - first) // width) if width else 0
        if code.bits == 32 and 0 < registers <= REGISTERS:
            place = self.plus(self.unit.tables.put(rows - first))
            index = code.set(f"getelementptr inbounds i32, ptr %tables, i64 {place}")
            k = code.set(f"load {code.of('i32')}, ptr {index}, align 4")
            kind = f"<{width} x i32>"
            at = [code.at("%memory", str(first + n * width)) for n in range(registers)]
            words = [code.set(f"load {kind}, ptr {address}, align 4{self.loads}") for address in at]
            return permuted(code, words, k)
        table = code.set(f"getelementptr inbounds i32, ptr %tables, i64 {self.plus(self.unit.tables.put(rows))}")
        found = code.set(f"load {code.of('i32')}, ptr {table}, align 4")
        return code.gather("%memory", found, "i32")

    def number(self, array: np.ndarray) -> str:
        """These elements of a constant."""
        return self.unit.code.load(self.unit.code.at("%constants", self.plus(self.unit.constants.put(array))))


def are_consecutive(rows: Integers) -> bool:
    """Whether each row is the one after the last."""
    return np.array_equal(rows, rows[0] + np.arange(rows.size))


def count(name: str, before: str, after: str, at: Element) -> None:
    """Count where a value was clipped, and keep the smallest and largest that it was."""
    code, first, rows = at.unit.code, at.unit.clips[name], at.unit.clip_rows
    if not at.counting:
        at.changes.append(code.two("xor", before, after))
        return
    changed = code.compare("ne", before, after)
    for part in range(3):
        address = code.at("%clips", at.plus(first + part * rows))
        old = code.load(address)
        if part == 0:
            new = code.two("add", old, code.as_integer(changed))
        else:
            new = code.choose(changed, code.intrinsic("smin" if part == 1 else "smax", old, before), old)
        code.store(new, address, at.stores)
