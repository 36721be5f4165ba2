"""What each elementwise op is in machine words: docs/integer-semantics.md, written here once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from compiler.graph import ops
from compiler.graph.op_table import OpTable
from compiler.loops.memory import Memory
from compiler.native.code import Code
from compiler.native.lookup import Machine, lookup, segment, shift_right
from compiler.native.pool import Pool, Scratch
from compiler.ranges.proven import Proven
from hw_models.arrays import Integers


@dataclass(frozen=True)
class Unit:
    """What all loops of a kernel write to and read from."""

    code: Code
    machine: Machine
    proven: Proven
    memory: Memory
    constants: Pool
    tables: Pool
    clips: Mapping[str, int]
    """the first row of each value that can be clipped, among those of all"""
    clip_rows: int
    """how many those are: of counts, then of the smallest, then of the largest that each was"""
    packed: Scratch
    """rows that this block has packed in pairs"""


@dataclass
class Element:
    """One pass of a loop: one element of all lanes, whose number is in the register `index`."""

    unit: Unit
    index: str
    reads: Mapping[str, str]
    """the state that each value of this block is, which reads one"""
    registers: dict[str, str] = field(default_factory=dict)
    loads: str = ""
    stores: str = ""
    """what tells LLVM that no load of this loop reads what it stores"""

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
        return self.unit.code.load(self.in_order(memory.first(name, self.reads)), self.loads)

    def in_order(self, first: int) -> str:
        """Where this element lies in memory, of rows that begin at `first`."""
        return self.unit.code.at("%memory", self.plus(first))

    def plus(self, offset: int) -> str:
        """The element's place in what begins at `offset`."""
        return self.unit.code.set(f"add nuw nsw i64 {self.index}, {offset}") if offset else self.index

    def taken(self, rows: Integers) -> str:
        """What lies in the row that a table has for this element."""
        if in_order(rows):
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
        table = code.set(f"getelementptr inbounds i32, ptr %tables, i64 {self.plus(self.unit.tables.put(rows))}")
        found = code.set(f"load {code.of('i32')}, ptr {table}, align 4")
        return code.gather("%memory", found, "i32")

    def number(self, array: np.ndarray) -> str:
        """These elements of a constant."""
        return self.unit.code.load(self.unit.code.at("%constants", self.plus(self.unit.constants.put(array))))


def in_order(rows: Integers) -> bool:
    """Whether each row is the one after the last."""
    return np.array_equal(rows, rows[0] + np.arange(rows.size))


ELEMENTS: OpTable[[Element], str] = OpTable("native")
"""Writes one element of an op, and returns its register."""

INSTRUCTIONS = {ops.Add: "add", ops.Sub: "sub", ops.And: "and"}


@ELEMENTS.on(ops.Add, ops.Sub, ops.And)
def _arithmetic(op: ops.Add | ops.Sub | ops.And, at: Element) -> str:
    return at.unit.code.two(INSTRUCTIONS[type(op)], at.read(op.a), at.read(op.b))


@ELEMENTS.on(ops.Min)
def _min(op: ops.Min, at: Element) -> str:
    return at.unit.code.intrinsic("smin", at.read(op.a), at.read(op.b))


@ELEMENTS.on(ops.Max)
def _max(op: ops.Max, at: Element) -> str:
    return at.unit.code.intrinsic("smax", at.read(op.a), at.read(op.b))


@ELEMENTS.on(ops.Gather, ops.StateRead)
def _load(op: ops.Gather | ops.StateRead, at: Element) -> str:
    if isinstance(op, ops.Gather):
        return at.taken(at.unit.memory.taken(op, at.reads))
    return at.unit.code.load(at.in_order(at.unit.memory.states[op.state]), at.loads)


@ELEMENTS.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, at: Element) -> str:
    code, graph = at.unit.code, at.unit.proven.graph
    x = at.read(op.x)
    address = at.address(at.unit.memory.values[op.out] + graph.constants[op.segment])
    total = code.two("add", code.load(address), x)
    code.store(total, address, at.stores)
    return total


RELATIONS = {ops.Relation.LESS: "slt", ops.Relation.LESS_EQUAL: "sle", ops.Relation.EQUAL: "eq"}


@ELEMENTS.on(ops.Compare)
def _compare(op: ops.Compare, at: Element) -> str:
    code = at.unit.code
    return code.as_integer(code.compare(RELATIONS[op.relation], at.read(op.a), at.read(op.b)))


@ELEMENTS.on(ops.Select)
def _select(op: ops.Select, at: Element) -> str:
    code = at.unit.code
    return code.choose(code.compare("ne", at.read(op.condition), code.splat(0)), at.read(op.a), at.read(op.b))


@ELEMENTS.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, at: Element) -> str:
    code, shift = at.unit.code, at.unit.proven.graph.constants[op.shift]
    product = code.two("mul", at.read(op.a), at.read(op.b))
    if np.all(shift == shift.flat[0]):
        return code.two("ashr", product, code.splat(int(shift.flat[0]))) if shift.any() else product
    return shift_right(code, at.unit.machine, product, at.number(shift))


@ELEMENTS.on(ops.Rescale)
def _rescale(op: ops.Rescale, at: Element) -> str:
    code, x, shift = at.unit.code, at.read(op.x), op.shift
    if shift:
        fits = at.unit.proven.spans[op.x].most + 2 ** (shift - 1) < 2 ** (code.bits - 1)
        if fits:
            x = code.two("ashr", code.two("add", x, code.splat(2 ** (shift - 1))), code.splat(shift))
        else:
            half = code.two("and", code.two("ashr", x, code.splat(shift - 1)), code.splat(1))
            x = code.two("add", code.two("ashr", x, code.splat(shift)), half)
    return _clipped(op.out, x, at)


@ELEMENTS.on(ops.Shift)
def _shift(op: ops.Shift, at: Element) -> str:
    code, form, amount = at.unit.code, at.unit.proven.graph.format(op.out), at.read(op.amount)
    zero = code.splat(0)
    span = at.unit.proven.spans[op.amount]
    left = right = None
    x = at.read(op.x)
    if span.least < 0:
        right = _amount(code, code.two("sub", zero, amount), -span.most, -span.least)
        x = code.two("ashr", x, right)
    if span.most > 0:
        left = _amount(code, amount, span.least, span.most)
    if op.out in at.unit.clips:
        low, high = code.splat(form.low), code.splat(form.high)
        if left is not None:
            low = code.two("sub", zero, code.two("ashr", code.splat(-form.low), left))
            high = code.two("ashr", high, left)
        clipped = code.intrinsic("smin", code.intrinsic("smax", x, low), high)
        count(op.out, x, clipped, at)
        x = clipped
    return x if left is None else code.two("shl", x, left)


def _amount(code: Code, amount: str, least: int, most: int) -> str:
    """An amount that lies between `least` and `most`, as an instruction takes it."""
    if least < 0:
        amount = code.intrinsic("smax", amount, code.splat(0))
    return code.intrinsic("smin", amount, code.splat(code.bits - 1)) if most >= code.bits else amount


@ELEMENTS.on(ops.Divide)
def _divide(op: ops.Divide, at: Element) -> str:
    code = at.unit.code
    a, b = code.two("shl", at.read(op.a), code.splat(op.shift)), at.read(op.b)
    if code.bits == 32:  # exact: a quotient that is no integer is further than 2^-31 from the next
        real = code.of("double")
        over, under = (code.set(f"sitofp {code.vector} {v} to {real}") for v in (a, b))
        quotient = code.set(f"fdiv {real} {over}, {under}")
        floor = code.call(f"llvm.floor.v{code.lanes}f64", real, (real, quotient))
        return code.set(f"fptosi {real} {floor} to {code.vector}")
    b = code.intrinsic("smax", b, code.splat(1))  # lanes beyond the last element hold anything, and 0 is fatal
    quotient = code.two("sdiv", a, b)
    rest = code.two("sub", a, code.two("mul", quotient, b))
    return code.two("sub", quotient, code.as_integer(code.compare("slt", rest, code.splat(0))))


@ELEMENTS.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, at: Element) -> str:
    unit, code, x = at.unit, at.unit.code, at.read(op.x)
    knots, origins, coefficients, shifts = (unit.proven.graph.constants[n] for n in op.arrays)
    k = segment(code, unit.machine, unit.constants, knots, x, unit.proven.spans[op.x])
    column = lambda array: lookup(code, unit.machine, unit.constants, array, k)  # noqa: E731
    t = code.two("sub", x, column(origins))
    degree = coefficients.shape[1] - 1
    y = column(coefficients[:, degree])
    for j in range(degree - 1, -1, -1):
        y = code.two("ashr", code.two("mul", y, t), column(shifts[:, j]))
        y = code.two("add", y, column(coefficients[:, j]))
    return y


def _clipped(name: str, x: str, at: Element) -> str:
    """`x` clipped to the value's format, and counted, where it can leave it."""
    if name not in at.unit.clips:
        return x
    code, form = at.unit.code, at.unit.proven.graph.format(name)
    clipped = code.intrinsic("smin", code.intrinsic("smax", x, code.splat(form.low)), code.splat(form.high))
    count(name, x, clipped, at)
    return clipped


def count(name: str, before: str, after: str, at: Element) -> None:
    """Count where a value was clipped, and keep the smallest and largest that it was."""
    code = at.unit.code
    changed = code.compare("ne", before, after)
    kind = f"v{code.lanes}i1"
    some = code.call(f"llvm.vector.reduce.or.{kind}", "i1", (code.of("i1"), changed))
    clips, done = code.fresh("clips"), code.fresh("done")
    code.put(f"br i1 {some}, label %{clips}, label %{done}")  # rarely, so all of it is jumped over
    code.label(clips)
    first, rows = at.unit.clips[name], at.unit.clip_rows
    for part in range(3):
        address = code.at("%clips", at.plus(first + part * rows))
        old = code.load(address)
        if part == 0:
            new = code.two("add", old, code.as_integer(changed))
        else:
            new = code.choose(changed, code.intrinsic("smin" if part == 1 else "smax", old, before), old)
        code.store(new, address, at.stores)
    code.put(f"br label %{done}")
    code.label(done)
