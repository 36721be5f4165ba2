"""Where values lie: rows of one array, a row an element, so that any element of any source is one index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Gather, MatVec, SegmentSum
from compiler.loops.loop_plan import LoopPlan
from hw_models.arrays import Integers


@dataclass(frozen=True)
class RowMemory:
    """The first row of each state, of each constant that is read as a source, and of each value that is stored."""

    graph: IntegerGraph
    states: Mapping[str, int]
    constants: Mapping[str, int]
    values: Mapping[str, int]
    zero: int
    """a row of zeros, beyond the edge of a convolution"""
    size: int
    """how many rows there are"""

    @property
    def states_end(self) -> int:
        """The first row after those of all states, which come first."""
        return max((first + self.graph.state(name).size for name, first in self.states.items()), default=0)

    def rows(self, sources: Sequence[str], reads: Mapping[str, str]) -> Integers:
        """The rows of the concatenation of `sources`; `reads` are the states that values of this block are."""
        return np.concatenate([self.first(n, reads) + np.arange(self.graph.size(n)) for n in sources])

    def first(self, name: str, reads: Mapping[str, str]) -> int:
        """The first row of a value or constant."""
        if name in reads:
            return self.states[reads[name]]
        return self.values[name] if name in self.values else self.constants[name]

    def taken(self, op: Gather, reads: Mapping[str, str]) -> Integers:
        """The row of each element that a `Gather` takes."""
        return self.rows(op.sources, reads)[self.graph.constants[op.index]]

    def placed(self, op: MatVec, reads: Mapping[str, str]) -> Integers:
        """The rows (places, columns) that a convolution reads; without places one place, which reads all."""
        rows = self.rows(op.sources, reads)
        return rows[None] if op.places is None else np.append(rows, self.zero)[self.graph.constants[op.places]]


def memory(graph: IntegerGraph, steps: LoopPlan, whole: int = 1) -> RowMemory:
    """Rows for all that `steps` store; each begins at, and has, a multiple of `whole`."""
    anywhere = {n for _, op in graph.ops() if isinstance(op, (Gather, MatVec, SegmentSum)) for n in op.operands}
    effects = {n for _, op in graph.ops() if op.result is None for n in op.operands}
    first = 0

    def rows(sizes: Mapping[str, int]) -> dict[str, int]:
        nonlocal first
        found = {}
        for name, size in sizes.items():
            found[name] = first
            first += (-(-size // whole) + (whole > 1)) * whole  # a convolution writes whole vectors past its end
        return found

    states = rows({s.name: s.size for s in graph.states})
    constants = rows({n: graph.size(n) for n in sorted((anywhere | effects) & graph.constants.keys())})
    values = rows({n: graph.size(n) for n in graph.values if n in steps.stored})
    return RowMemory(graph, states, constants, values, first, first + whole)
