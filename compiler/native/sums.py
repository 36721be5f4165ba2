"""Sums: of one sequence, words of memory, added up result by result; and in a loop over columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.graph.ops import SegmentSum
from compiler.native.llvm_text import Code
from compiler.native.operands import KernelParts

WRITTEN_OUT = 512
"""Up to so many terms are written one after another; a loop over more is as fast, and shorter."""


def add_up(unit: KernelParts, op: SegmentSum, reads: Mapping[str, str]) -> None:
    """All sums of `op`."""
    code, graph, where = unit.code, unit.proven.graph, unit.memory
    size, segments, first = graph.size(op.out), unit.proven.segments[op.out], where.first(op.x, reads)
    out = where.values[op.out]
    ends = np.append(segments.starts[1:], segments.order.size)
    for empty in sorted({*range(size)} - {*segments.filled.tolist()}):
        code.put(f"store {code.word} 0, ptr {code.at('%memory', str(out + empty))}, align {code.bits // 8}")
    if segments.order.size <= WRITTEN_OUT:
        for result, start, end in zip(segments.filled.tolist(), segments.starts.tolist(), ends.tolist(), strict=True):
            terms = [code.word_in(str(first + i)) for i in segments.order[start:end].tolist()]
            while len(terms) > 1:  # in pairs, so that few wait for one another
                pairs = zip(terms[::2], terms[1::2], strict=False)
                odd = terms[-1:] if len(terms) % 2 else []
                terms = [code.set(f"add {code.word} {a}, {b}") for a, b in pairs] + odd
            _store(unit, terms[0], str(out + result))
        return
    tables = unit.tables
    order, starts, stops, filled = (
        tables.put(t) for t in (segments.order + first, segments.starts, ends, segments.filled + out)
    )
    outer = code.begin(str(segments.filled.size), "sum")
    begin, stop, result = (code.listed(outer.index, table) for table in (starts, stops, filled))
    before, inner, index, total = code.block, code.fresh("term."), f"%{code.fresh('i')}", f"%{code.fresh('total')}"
    code.put(f"br label %{inner}")
    code.label(inner)
    code.put(f"{index} = phi i64 [{begin}, %{before}], [{index}.next, %{inner}]")
    code.put(f"{total} = phi {code.word} [0, %{before}], [{total}.next, %{inner}]")
    code.put(f"{total}.next = add {code.word} {total}, {code.word_in(code.listed(index, order))}")
    code.put(f"{index}.next = add nuw nsw i64 {index}, 1")
    again = code.set(f"icmp ult i64 {index}.next, {stop}")
    code.put(f"br i1 {again}, label %{inner}, label %{inner}.end")
    code.label(f"{inner}.end")
    _store(unit, f"{total}.next", result)
    code.end(outer)


def _store(unit: KernelParts, word: str, row: str) -> None:
    code = unit.code
    code.put(f"store {code.word} {word}, ptr {code.at('%memory', row)}, align {code.bits // 8}")


class OpenSums:
    """A loop over columns that is open, and what is added up in it."""

    def __init__(self, code: Code, count: int, columns: int) -> None:
        self.code, self.columns = code, columns
        before, self.head, self.index = code.block, code.fresh("column."), f"%{code.fresh('i')}"
        self.before = [f"%{code.fresh('sum')}" for _ in range(count)]
        self.totals = [f"{total}.next" for total in self.before]
        code.put(f"br label %{self.head}")
        code.label(self.head)
        code.put(f"{self.index} = phi i64 [0, %{before}], [{self.index}.next, %{self.head}]")
        for old, new in zip(self.before, self.totals, strict=True):
            code.put(f"{old} = phi {code.vector} [zeroinitializer, %{before}], [{new}, %{self.head}]")

    def set(self, number: int, total: str) -> None:
        """What one of the sums is after this column."""
        self.code.put(f"{self.totals[number]} = add {self.code.vector} {total}, zeroinitializer")

    def end(self) -> None:
        """Close the loop."""
        code = self.code
        code.put(f"{self.index}.next = add nuw nsw i64 {self.index}, 1")
        again = code.set(f"icmp ult i64 {self.index}.next, {self.columns}")
        # LLVM would take sums of sums apart, to wait less: there are enough side by side as it is
        tag = "" if code.along else code.as_written()
        code.put(f"br i1 {again}, label %{self.head}, label %{self.head}.end{tag}")
        code.label(f"{self.head}.end")
