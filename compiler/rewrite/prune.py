"""prune: elements that are multiplied by zero, or that nothing reads, leave the index space.

An LTC in torch computes every pair of neurons; here the pairs without a synapse go. Inputs, states and
outputs keep all their elements.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from compiler.graph.draft import Draft, integers, reals
from compiler.graph.graph import Graph
from compiler.graph.ops import (
    Elementwise,
    Gather,
    Input,
    MatVec,
    Op,
    SegmentSum,
    StateRead,
)
from compiler.rewrite.needs import find_needed
from compiler.rewrite.zeros import Mask, find_zeros


def prune(graph: Graph) -> Graph:
    """Elements that are multiplied by a constant zero, or never used, leave the index space."""
    zeros = find_zeros(graph)
    zero, keep = zeros.masks, find_needed(graph, zeros)
    if all(mask.all() for mask in keep.values()) and not any(
        zero[n].all() for n, v in graph.values.items() if v.size and n in zero
    ):
        return graph
    return _Shrink(graph, zero, keep).graph()


class _Shrink:
    """Writes the graph again on the smaller index spaces."""

    def __init__(self, graph: Graph, zero: dict[str, Mask], keep: dict[str, Mask]) -> None:
        self.old = graph
        self.zero = zero
        self.keep = keep
        self.draft = Draft(graph)

    def graph(self) -> Graph:
        for block in self.old.blocks:
            self.draft.begin(block)
            for op in block.ops:
                self.draft.put(op, self.op(op))
            self.draft.end()
        silent = self.old.values.keys() - self.draft.definitions.keys()
        self.draft.values = {
            n: replace(v, size=int(self.keep[n].sum())) for n, v in self.old.values.items() if n not in silent
        }
        self.draft.time_constants = [t for t in self.old.time_constants if not {t.keep, t.total} & silent]
        return self.draft.finish()

    def op(self, op: Op) -> Op | str:
        """The op on the kept elements; the constant that stands in where it computes nothing, or only zeros."""
        result = op.result
        if result is not None and not isinstance(op, (Input, StateRead)):
            keep = self.keep[result]
            if not keep.any() or bool(self.zero[result][keep].all()):
                return self.draft.constant(np.zeros(int(keep.sum())), "0")
        if isinstance(op, Elementwise) and result is not None:
            return self._elementwise(op, self.keep[result])
        if isinstance(op, SegmentSum):
            segment = self._positions(self.keep[op.out])[integers(self.old, op.segment)[self._kept(op.x)]]
            return SegmentSum(op.out, self.draft.current(op.x), self.draft.constant(segment, op.segment))
        if isinstance(op, (Gather, MatVec)):
            return self._linear(op)
        return op.renamed(self.draft.current)

    def _elementwise(self, op: Op, keep: Mask) -> Op:
        def new(name: str) -> str:
            if name not in self.old.constants:
                return self.draft.current(name)
            array = self.old.constants[name]
            return name if array.size == 1 and keep.size != 1 else self.draft.constant(array[keep], name)

        return op.renamed(new)

    def _linear(self, op: Gather | MatVec) -> Op:
        kept = np.concatenate([self._kept(s) for s in op.sources])
        names = tuple(self.draft.current(s) for s in op.sources)
        sources = tuple(new for new, s in zip(names, op.sources, strict=True) if self._kept(s).any())
        if isinstance(op, MatVec) and op.places is not None:
            places = integers(self.old, op.places)
            at = self.keep[op.out].reshape(-1, len(places)).any(axis=0)
            moved = np.append(self._positions(kept), kept.sum())[places[at]]
            return MatVec(op.out, names, op.matrix, self.draft.constant(moved, op.places))
        if isinstance(op, MatVec):
            matrix = reals(self.old, op.matrix)[self.keep[op.out]][:, kept]
            return MatVec(op.out, sources, self.draft.constant(matrix, op.matrix))
        index = self._positions(kept)[integers(self.old, op.index)[self.keep[op.out]]]
        return Gather(op.out, sources, self.draft.constant(index, op.index))

    def _kept(self, name: str) -> Mask:
        return self.keep[name] if name in self.keep else np.ones(self.old.size(name), bool)

    @staticmethod
    def _positions(keep: Mask) -> npt.NDArray[np.int64]:
        return np.cumsum(keep) - 1
