"""Which elements of each value of a float graph are needed: by what reads them, back from states and outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.graph import ops
from compiler.graph.draft import integers, reals
from compiler.graph.graph import Graph
from compiler.graph.op_table import OpTable
from compiler.rewrite.zeros import Mask, Zeros
from hw_models.arrays import slices_of


def find_needed(graph: Graph, zeros: Zeros) -> dict[str, Mask]:
    """For each value the elements that stay: a fixpoint, for values that meet share one index space."""
    needs, made = Needs(graph, zeros), [op for _, op in graph.ops() if op.result is not None]
    while needs.changed:
        needs.changed = False
        for op in reversed(made):
            NEEDED(op, needs, needs.space[needs.group[op.result or ""]])
    return {n: needs.space[needs.group[n]] for n in graph.values}


class Needs:
    """What is known to be needed so far: of each value, and of each index space that values share."""

    def __init__(self, graph: Graph, zeros: Zeros) -> None:
        self.graph, self.zeros, self.changed = graph, zeros, True
        self.group, whole = _populations(graph)
        self.live = {n: np.full(v.size, self.group[n] in whole) for n, v in graph.values.items()}
        self.space = {root: np.full(graph.size(root), root in whole) for root in self.group.values()}

    def need(self, name: str, mask: Mask) -> None:
        """Elements of a value are needed; of a constant all are there."""
        if name not in self.live or not bool(np.any(mask & ~self.live[name])):
            return
        self.changed = True
        self.live[name] |= mask
        self.space[self.group[name]] |= self.live[name]

    def need_joined(self, sources: Sequence[str], mask: Mask) -> None:
        """Elements of the concatenation of `sources` are needed."""
        for source, own in zip(sources, slices_of(map(self.graph.size, sources)), strict=True):
            self.need(source, mask[own])


NEEDED: OpTable[[Needs, Mask], None] = OpTable("needs")
"""What each op needs of its operands where those elements of its result's index space are wanted."""
NEEDED.always(None, ops.Input, ops.StateRead)


@NEEDED.on(ops.Gather)
def _gather(op: ops.Gather, needs: Needs, wanted: Mask) -> None:
    mask = np.zeros(sum(map(needs.graph.size, op.sources)), bool)
    mask[integers(needs.graph, op.index)[wanted]] = True
    needs.need_joined(op.sources, mask)


@NEEDED.on(ops.MatVec)
def _mat_vec(op: ops.MatVec, needs: Needs, wanted: Mask) -> None:
    graph = needs.graph
    if op.places is None:
        needs.need_joined(op.sources, (reals(graph, op.matrix)[wanted] != 0.0).any(axis=0))
        return
    places = integers(graph, op.places)
    at = wanted.reshape(-1, len(places)).any(axis=0)  # a place stays with all its rows
    needs.need(op.out, np.tile(at, wanted.size // max(at.size, 1)))
    mask = np.zeros(graph.size(op.sources[0]) + 1, bool)
    mask[places[at]] = True
    needs.need(op.sources[0], mask[:-1])


@NEEDED.on(ops.SegmentSum)
def _segment_sum(op: ops.SegmentSum, needs: Needs, wanted: Mask) -> None:
    segment = integers(needs.graph, op.segment)
    needs.need(op.x, wanted[segment] & ~needs.zeros.of(op.x, segment.size))
    if op.x in needs.group:  # an element that stays for another reader still needs a place to be added to
        target = np.zeros(wanted.size, bool)
        target[segment[needs.space[needs.group[op.x]]]] = True
        needs.need(op.out, target)


@NEEDED.on(ops.Elementwise)
def _elementwise(op: ops.Op, needs: Needs, wanted: Mask) -> None:
    name = op.result or ""
    for operand in op.operands:
        needs.need(operand, needs.live[name] & ~needs.zeros.of(name))


def _populations(graph: Graph) -> tuple[dict[str, str], set[str]]:
    """A representative for each value: values that meet in an elementwise op share one index space.

    The second result names the representatives of those that must keep all elements.
    """
    parent = {name: name for name in graph.values}

    def find(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    whole: list[str] = []
    for _, op in graph.ops():
        if isinstance(op, ops.Elementwise) and op.result is not None:
            for name in op.operands:
                if name in parent:
                    parent[find(name)] = find(op.result)
        elif isinstance(op, (ops.Input, ops.StateRead)):
            whole.append(op.out)
        elif isinstance(op, (ops.StateWrite, ops.Output)):
            whole.append(op.x)
    return {n: find(n) for n in parent}, {find(n) for n in whole if n in parent}
