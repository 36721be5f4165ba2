"""Sums over wide values, such as all synapses of each neuron: one element a sum, whatever ops make its terms.

A cell that is written by hand makes a tensor (n, n) with each of its ops, and sums it up over one axis: element by
element that is too much to look at. What sums alone read is no state, so that nobody has to look at it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.graph.graph import Graph
from compiler.graph.ops import Elementwise, Gather, Mul, Op, SegmentSum
from compiler.interpreters.execution import Frame
from compiler.interpreters.float64 import KERNELS
from hw_models.arrays import Array, Floats, Integers

Bools: TypeAlias = npt.NDArray[np.bool_]
NOTHING, NO_SAMPLE = Graph((), {}, {}, ()), np.zeros((0, 1))


@dataclass(frozen=True, eq=False)
class WideSum:
    """A sum, and the `ops` that make its terms of `leaves`, elements that are gathered: all are as wide."""

    op: SegmentSum
    ops: tuple[Elementwise, ...]
    leaves: tuple[Gather, ...]
    graph: Graph
    used: Integers
    """the places of its terms but for those that a mask leaves out"""

    @property
    def segment(self) -> Integers:
        """To which element each of these terms belongs."""
        return self.graph.constants[self.op.segment].astype(np.int64)[self.used]

    def constants(self, places: Integers) -> dict[str, Array]:
        """What those of its ops have there: one of a single number broadcasts."""
        names = (name for op in self.ops for name in op.operands if name in self.graph.constants)
        own = {name: self.graph.constants[name] for name in names}
        return {name: array if array.size == 1 else array[places] for name, array in own.items()}

    def sources(self) -> Integers:
        """Where each of its leaves has what is at these places from, as numbers (leaves, places)."""
        sizes = {name: self.graph.size(name) for op in self.leaves for name in op.sources}
        begins = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
        found = np.zeros((len(self.leaves), len(self.used)), np.int64)
        for row, op in zip(found, self.leaves, strict=True):
            index = np.concatenate([begins[name] + np.arange(sizes[name]) for name in op.sources])
            row[:] = index[self.graph.constants[op.index].astype(np.int64)[self.used]]
        return found


@dataclass(frozen=True, eq=False)
class WideTerms:
    """Terms of a wide sum, at these places, each of one of `rows`; `read` has for each leaf which operand that is, and
    `first` where each operand comes first in it. What others do that are made alike has the same number."""

    sum: WideSum
    places: Integers
    rows: Integers
    read: Integers
    first: Integers
    does: int


@dataclass(frozen=True)
class WideRow:
    """The kind of an element of a wide sum."""

    does: int
    row: int
    terms: WideTerms = field(compare=False, repr=False)

    def values(self, x: Floats) -> Floats:
        """Sums of what is made of these operands, each a row."""
        own, wide = self.terms.rows == self.row, self.terms.sum
        values = {leaf.out: x[read[own]] for leaf, read in zip(wide.leaves, self.terms.read, strict=True)}
        frame = Frame(values, NO_SAMPLE)
        values |= {name: array.reshape(-1, 1) for name, array in wide.constants(self.terms.places[own]).items()}
        with np.errstate(all="ignore"):
            for op in wide.ops:
                frame.values[op.result or ""] = KERNELS(op, NOTHING)(frame)
        return frame.values[wide.op.x].sum(axis=0)


@dataclass
class WideSums:
    """Those of a graph, by their values, and the values `inside` that they alone are made of."""

    of: Mapping[str, WideSum] = field(default_factory=dict)
    inside: frozenset[str] = frozenset()
    elements: int = 0
    """how many there are in the graph where each is looked at"""
    _numbers: dict[Hashable, int] = field(default_factory=dict)

    def _number(self, what: Hashable) -> int:
        return self._numbers.setdefault(what, len(self._numbers))

    def terms(self, wide: WideSum, own: Bools, sources: Integers, rows: Integers) -> WideTerms:
        """Its `own` terms, which have their leaves from these `sources`."""
        places, sources = wide.used[own], sources[:, own]
        _, first, read = np.unique(sources, return_index=True, return_inverse=True)
        order = np.argsort(first)
        read = np.argsort(order)[read].reshape(sources.shape)
        names = {op.result or "": f"%{number}" for number, op in enumerate(wide.ops)}
        names |= {leaf.out: f"<{number}" for number, leaf in enumerate(wide.leaves)}
        names |= {n: f"={self._number(c.tobytes())}" for n, c in wide.constants(places).items()}
        ops = tuple(op.renamed(lambda name: names.get(name, name)) for op in wide.ops)
        does = self._number((ops, rows.tobytes(), read.tobytes()))
        return WideTerms(wide, places, rows, read, first[order], does)


def wide_sums(graph: Graph, outside: Collection[str] = ()) -> WideSums:
    """Those of a graph; values `outside` are in none. There are none where others are as wide, or some are kept from
    step to step."""
    readers, inside = graph.consumers(), set[str]()
    for block in reversed(graph.blocks):
        for op in reversed(block.ops):
            name = op.result or ""
            own = readers.get(name, [])
            if block.repeat > 1 or not isinstance(op, Elementwise) or not own or name in outside:
                continue
            if all(b.repeat == 1 and (isinstance(r, SegmentSum) or r.result in inside) for b, r in own):
                inside.add(name)
    sums = [op for _, op in graph.ops() if isinstance(op, SegmentSum) and op.x in inside]
    found = {op.out: wide for op in sums if (wide := _wide_sum(graph, op, inside)) is not None}
    if len(found) < len(sums) or _go_on(graph, found):
        return WideSums()
    used = {op.result: len(wide.used) for wide in found.values() for op in wide.ops}
    each = [used.get(name, graph.size(name)) for name, op in graph.makers.items() if not isinstance(op, Gather)]
    return WideSums(found, frozenset(inside), sum(each))


def _wide_sum(graph: Graph, op: SegmentSum, inside: Collection[str]) -> WideSum | None:
    """None where others than gathered elements make it."""
    waiting, seen = [op.x], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += graph.makers[name].operands if name in inside else ()
    makers = [maker for name, maker in graph.makers.items() if name in seen]
    ops = tuple(maker for maker in makers if isinstance(maker, Elementwise) and maker.result in inside)
    leaves = tuple(maker for maker in makers if isinstance(maker, Gather))
    if len(ops) + len(leaves) < len(makers):
        return None
    zero = dict[str, Bools]()
    for maker in ops:
        zero[maker.result or ""] = _left_out(graph, maker, zero)
    return WideSum(op, ops, leaves, graph, np.flatnonzero(~np.broadcast_to(zero[op.x], graph.size(op.x))))


def _go_on(graph: Graph, found: Mapping[str, WideSum]) -> bool:
    """Whether what one sum is made of goes on into what needs that sum, as a state does."""
    bits = {name: 1 << number for number, name in enumerate(found)}
    needs = dict[str, int]()
    """the sums that each value needs, as bits"""
    for name, op in graph.makers.items():
        needs[name] = reduce(or_, (needs.get(operand, 0) for operand in op.operands), bits.get(name, 0))
    makes: dict[Op, int] = defaultdict(int)
    for name, wide in found.items():
        for op in wide.ops:
            makes[op] |= bits[name]
    return any(makes[op] & needs[wide.op.x] for wide in found.values() for op in wide.ops)


def _left_out(graph: Graph, op: Elementwise, zero: Mapping[str, Bools]) -> Bools:
    """Where a result is 0, whatever the samples, as a mask says that it multiplies."""
    found = np.zeros(1, np.bool_)
    for name in op.operands if isinstance(op, Mul) else ():
        constant = graph.constants.get(name)
        if constant is not None and constant.any() and not constant.all():
            found = found | (constant == 0)
        found = found | zero.get(name, found)
    return found
