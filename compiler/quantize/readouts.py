"""Readouts after conductances: matrices that would be the coarsest part of a network, and are therefore split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from glob import escape

from compiler.graph.graph import Graph
from compiler.graph.ops import MatVec, StateRead, StateWrite
from compiler.quantize.precision import Precision


def with_split_readouts(graph: Graph, precision: Precision) -> Precision:
    """`precision`, with split weights for each matrix that reads states which no other matrix has a part in.

    Such states, those of an LTC, are more precise than 8-bit weights; a cell of matrices is not, nor what reads it.
    """
    if precision.split_weights or not precision.split_readouts:
        return precision
    return with_split_weights(precision, [op.out for op in _readouts(graph)])


def with_split_weights(precision: Precision, matrices: Iterable[str]) -> Precision:
    """`precision`, with split weights for the matrices that compute these, unless an override says otherwise."""
    names = {escape(name + end): {"split_weights": True} for name in matrices for end in ("", ".rows")}
    return replace(precision, overrides={**names, **precision.overrides})


def _readouts(graph: Graph) -> list[MatVec]:
    coarse: set[str] = set()
    fine: set[str] = set()
    for _ in range(len(graph.states) + 1):  # what is coarse may pass through one more state each time
        for _, op in graph.ops():
            if isinstance(op, StateWrite):
                coarse.update([op.state] if op.x in coarse else [])
            elif op.result is not None:
                if isinstance(op, MatVec) or coarse.intersection(op.follows_from):
                    coarse.add(op.result)
                if isinstance(op, StateRead) or fine.intersection(op.follows_from):
                    fine.add(op.result)
    matrices = [op for _, op in graph.ops() if isinstance(op, MatVec)]
    return [op for op in matrices if fine.intersection(op.sources) and not coarse.intersection(op.sources)]
