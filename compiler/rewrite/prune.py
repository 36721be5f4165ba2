"""prune: elements that are multiplied by zero, or that nothing reads, leave the index space.

An LTC in torch computes every pair of neurons; here the pairs without a synapse go. Inputs, states and
outputs keep all their elements.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.functions import FUNCTIONS
from compiler.graph.draft import Draft, integers, reals
from compiler.graph.graph import Graph
from compiler.graph.matrix import places_of, product
from compiler.graph.ops import (
    Add,
    Apply,
    Elementwise,
    Gather,
    Input,
    MatVec,
    Max,
    Min,
    Mul,
    Op,
    Output,
    SegmentSum,
    Select,
    StateRead,
    StateWrite,
    Sub,
)

Mask: TypeAlias = npt.NDArray[np.bool_]


def prune(graph: Graph) -> Graph:
    """Elements that are multiplied by a constant zero, or never used, leave the index space."""
    zero = _zeros(graph)
    keep = _kept(graph, zero)
    if all(mask.all() for mask in keep.values()) and not any(
        zero[n].all() for n, v in graph.values.items() if v.size and n in zero
    ):
        return graph
    return _Shrink(graph, zero, keep).graph()


def _mask(graph: Graph, masks: dict[str, Mask], name: str, size: int) -> Mask:
    if name in masks:
        return masks[name]
    return np.broadcast_to(graph.constants[name] == 0.0, (size,))


def _zeros(graph: Graph) -> dict[str, Mask]:
    """For each value the elements that are always zero."""
    zero: dict[str, Mask] = {}

    def joined(op: Gather | MatVec) -> Mask:
        return np.concatenate([_mask(graph, zero, s, graph.size(s)) for s in op.sources])

    for _, op in graph.ops():
        if op.result is None:
            continue
        size = graph.size(op.result)
        found = np.zeros(size, bool)
        if isinstance(op, Mul):
            found = _mask(graph, zero, op.a, size) | _mask(graph, zero, op.b, size)
        elif isinstance(op, (Add, Sub, Min, Max, Select)):
            found = _mask(graph, zero, op.a, size) & _mask(graph, zero, op.b, size)
        elif isinstance(op, Apply) and FUNCTIONS[op.function].real(np.zeros(1))[0] == 0.0:
            found = _mask(graph, zero, op.x, size)
        elif isinstance(op, Gather):
            found = joined(op)[integers(graph, op.index)]
        elif isinstance(op, SegmentSum):
            found = np.ones(size, bool)
            found[integers(graph, op.segment)[~_mask(graph, zero, op.x, graph.size(op.x))]] = False
        elif isinstance(op, MatVec):
            weights, moving = (reals(graph, op.matrix) != 0.0).astype(np.float64), ~joined(op)
            found = product(weights, places_of(graph, op), moving.astype(np.float64)) == 0.0
        zero[op.result] = found
    return zero


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
        if isinstance(op, Elementwise) and op.result is not None:
            for name in op.operands:
                if name in parent:
                    parent[find(name)] = find(op.result)
        elif isinstance(op, (Input, StateRead)):
            whole.append(op.out)
        elif isinstance(op, (StateWrite, Output)):
            whole.append(op.x)
    return {n: find(n) for n in parent}, {find(n) for n in whole if n in parent}


def _kept(graph: Graph, zero: dict[str, Mask]) -> dict[str, Mask]:
    """For each value the elements that stay."""
    group, whole = _populations(graph)
    live = {n: np.full(v.size, group[n] in whole) for n, v in graph.values.items()}
    space = {root: np.full(graph.size(root), root in whole) for root in group.values()}
    ops = [op for _, op in graph.ops()]
    changed = True

    def need(name: str, mask: Mask) -> None:
        nonlocal changed
        if name not in live or not bool(np.any(mask & ~live[name])):
            return
        changed = True
        live[name] |= mask
        space[group[name]] |= live[name]

    def need_joined(sources: tuple[str, ...], mask: Mask) -> None:
        start = 0
        for source in sources:
            stop = start + graph.size(source)
            need(source, mask[start:stop])
            start = stop

    while changed:
        changed = False
        for op in reversed(ops):
            if op.result is None:
                continue
            wanted = space[group[op.result]]
            if isinstance(op, Gather):
                mask = np.zeros(sum(map(graph.size, op.sources)), bool)
                mask[integers(graph, op.index)[wanted]] = True
                need_joined(op.sources, mask)
            elif isinstance(op, MatVec) and op.places is not None:
                places = integers(graph, op.places)
                at = wanted.reshape(-1, len(places)).any(axis=0)  # a place stays with all its rows
                need(op.result, np.tile(at, wanted.size // max(at.size, 1)))
                mask = np.zeros(graph.size(op.sources[0]) + 1, bool)
                mask[places[at]] = True
                need(op.sources[0], mask[:-1])
            elif isinstance(op, MatVec):
                need_joined(op.sources, (reals(graph, op.matrix)[wanted] != 0.0).any(axis=0))
            elif isinstance(op, SegmentSum):
                segment = integers(graph, op.segment)
                need(op.x, wanted[segment] & ~_mask(graph, zero, op.x, segment.size))
                if op.x in group:  # an element that stays for another reader still needs a place to be added to
                    target = np.zeros(wanted.size, bool)
                    target[segment[space[group[op.x]]]] = True
                    need(op.result, target)
            elif isinstance(op, Elementwise):
                for name in op.operands:
                    need(name, live[op.result] & ~zero[op.result])
    return {n: space[group[n]] for n in graph.values}


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
