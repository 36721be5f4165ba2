"""prune: elements that are multiplied by zero, or that nothing reads, leave the index space.

An LTC in torch computes every pair of neurons; here the pairs without a synapse go. Inputs, states and
outputs keep all their elements.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.graph.draft import Draft, integers, reals
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Elementwise, Gather, Input, MatVec, Op, Output, SegmentSum, StateRead, StateWrite
from compiler.rewrite.needed_elements import find_needed
from compiler.rewrite.zeros import Mask, find_zeros
from hw_models.arrays import Integers


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
        return PRUNED(op, self)

    def kept(self, *names: str) -> Mask:
        """Which elements stay of the concatenation of values and constants; of constants all do."""
        return np.concatenate([self.keep[n] if n in self.keep else np.ones(self.old.size(n), bool) for n in names])

    def sources(self, op: Gather | MatVec) -> tuple[str, ...]:
        """Those of which anything stays, by the names that they have now."""
        return tuple(self.draft.current(s) for s in op.sources if self.kept(s).any())


PRUNED: OpTable[[_Shrink], Op] = OpTable("prune")
"""An op on the elements that stay."""
PRUNED.on(Input, StateRead, StateWrite, Output)(lambda op, to: op.renamed(to.draft.current))


@PRUNED.on(Elementwise)
def _elementwise(op: Elementwise, to: _Shrink) -> Op:
    keep = to.keep[op.result or ""]

    def new(name: str) -> str:
        if name not in to.old.constants:
            return to.draft.current(name)
        array = to.old.constants[name]
        return name if array.size == 1 and keep.size != 1 else to.draft.constant(array[keep], name)

    return op.renamed(new)


@PRUNED.on(SegmentSum)
def _sums(op: SegmentSum, to: _Shrink) -> Op:
    segment = _positions(to.keep[op.out])[integers(to.old, op.segment)[to.kept(op.x)]]
    return SegmentSum(op.out, to.draft.current(op.x), to.draft.constant(segment, op.segment))


@PRUNED.on(Gather)
def _picked(op: Gather, to: _Shrink) -> Op:
    index = _positions(to.kept(*op.sources))[integers(to.old, op.index)[to.keep[op.out]]]
    return Gather(op.out, to.sources(op), to.draft.constant(index, op.index))


@PRUNED.on(MatVec)
def _products(op: MatVec, to: _Shrink) -> Op:
    kept, keep = to.kept(*op.sources), to.keep[op.out]
    if op.places is None:
        return MatVec(op.out, to.sources(op), to.draft.constant(reals(to.old, op.matrix)[keep][:, kept], op.matrix))
    places = integers(to.old, op.places)
    moved = np.append(_positions(kept), kept.sum())[places[keep.reshape(-1, len(places)).any(axis=0)]]
    names = tuple(map(to.draft.current, op.sources))
    return MatVec(op.out, names, op.matrix, to.draft.constant(moved, op.places))


def _positions(keep: Mask) -> Integers:
    return np.cumsum(keep) - 1
