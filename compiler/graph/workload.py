"""What a graph computes for one sample: how much of the user's time a run may take is decided by it.

It is counted, not timed, so that the same model is treated alike on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.graph.graph import Graph
from compiler.graph.ops import MatVec

PRODUCTS = 4
"""Products of a matrix and a vector that cost as much as an element"""


@dataclass(frozen=True)
class Work:
    """Calls of ops, and elements for each sequence; a product of a matrix counts by what it multiplies."""

    calls: int
    elements: int


def work(graph: Graph) -> Work:
    """The work of a graph for one sample, repeated blocks as often as they run."""
    elements = 0
    for block, op in graph.ops():
        size = 0 if op.result is None else graph.size(op.result)
        columns = graph.constants[op.matrix].shape[1] if isinstance(op, MatVec) else 0
        elements += block.repeat * (size + size * columns // PRODUCTS)
    return Work(sum(b.repeat * len(b.ops) for b in graph.blocks), elements)
