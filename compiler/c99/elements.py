"""What each elementwise op is as an expression of C: docs/integer-semantics.md, written here once more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from compiler.c99.text import Text, number
from compiler.graph import ops
from compiler.graph.op_table import OpTable
from compiler.loops.row_memory import RowMemory
from compiler.ranges.proven import Proven
from hw_models.arrays import Integers


@dataclass
class Element:
    """One pass of a loop over elements `i`."""

    text: Text
    proven: Proven
    memory: RowMemory
    reads: Mapping[str, str]
    """the state that each value of this block is, which reads one"""
    polynomials: dict[tuple[str, ...], str]
    """the function of each table that has one"""
    variables: dict[str, str] = field(default_factory=dict)

    def read(self, name: str) -> str:
        """This element of a value or constant."""
        graph = self.proven.graph
        if name in self.variables:
            return self.variables[name]
        if name in graph.constants:
            return self.constant(name)
        maker = graph.makers[name]
        if isinstance(maker, ops.Gather) and name not in self.memory.values:
            return self.row(self.memory.taken(maker, self.reads), maker.index)
        return f"m[{offset(self.memory.first(name, self.reads))}]"

    def row(self, rows: Integers, name: str) -> str:
        """What lies in the row that a table has for this element."""
        if np.array_equal(rows, rows[0] + np.arange(rows.size)):
            return f"m[{offset(int(rows[0]))}]"
        return f"m[{self.text.array(rows, name)}[i]]"

    def constant(self, name: str) -> str:
        """This element of a constant; a number where all are the same."""
        array = self.proven.graph.constants[name]
        if np.all(array == array.flat[0]):
            return bracketed(number(int(array.flat[0])))
        return f"{self.text.array(array, name)}[i]"


def offset(first: int) -> str:
    """The row of element i."""
    return f"{first} + i" if first else "i"


def bracketed(value: str) -> str:
    """A number that may be negative, as an operand."""
    return f"({value})" if value.startswith("-") else value


ELEMENTS: OpTable[[Element], str] = OpTable("C")
"""The expression of an element of each op."""


OF_TWO = {ops.Add: "{} + {}", ops.Sub: "{} - {}", ops.And: "{} & {}", ops.Min: "least({}, {})", ops.Max: "most({}, {})"}


ELEMENTS.on(*OF_TWO)(lambda op, at: OF_TWO[type(op)].format(at.read(op.a), at.read(op.b)))
ELEMENTS.on(ops.Gather)(lambda op, at: at.row(at.memory.taken(op, at.reads), op.index))
ELEMENTS.on(ops.StateRead)(lambda op, at: f"m[{offset(at.memory.states[op.state])}]")


@ELEMENTS.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, at: Element) -> str:
    rows = at.memory.values[op.out] + at.proven.graph.constants[op.segment]
    at.text.put(f"{at.row(rows, op.segment)} += {at.read(op.x)};")
    return ""


@ELEMENTS.on(ops.Compare)
def _compare(op: ops.Compare, at: Element) -> str:
    if op.a == op.b:  # which compilers warn of
        return "0" if op.relation is ops.Relation.LESS else "1"
    return f"{at.read(op.a)} {op.relation.value} {at.read(op.b)}"


ELEMENTS.on(ops.Select)(lambda op, at: f"{at.read(op.condition)} != 0 ? {at.read(op.a)} : {at.read(op.b)}")


@ELEMENTS.on(ops.MulShift)
def _mul_shift(op: ops.MulShift, at: Element) -> str:
    product = f"{at.read(op.a)} * {at.read(op.b)}"
    return f"floor_shift({product}, {at.constant(op.shift)})" if at.proven.graph.constants[op.shift].any() else product


@ELEMENTS.on(ops.Rescale)
def _rescale(op: ops.Rescale, at: Element) -> str:
    rounded = f"round_shift({at.read(op.x)}, {op.shift})" if op.shift else at.read(op.x)
    return _clipped(rounded, op.out, at)


@ELEMENTS.on(ops.Shift)
def _shift(op: ops.Shift, at: Element) -> str:
    form = at.proven.graph.format(op.out)
    return f"shift({at.read(op.x)}, {at.read(op.amount)}, {number(form.low)}, {number(form.high)})"


@ELEMENTS.on(ops.PiecewisePolynomial)
def _polynomial(op: ops.PiecewisePolynomial, at: Element) -> str:
    name = at.polynomials.setdefault(op.arrays, f"polynomial_{len(at.polynomials)}")
    return f"{name}({at.read(op.x)})"


def _clipped(x: str, name: str, at: Element) -> str:
    """`x` clipped to the value's format where it can leave it."""
    if not any(site.value == name for site in at.proven.saturations):
        return x
    form = at.proven.graph.format(name)
    return f"clip({x}, {number(form.low)}, {number(form.high)})"
