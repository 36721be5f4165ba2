"""Delay lines: what states take from one another, place by place."""

from __future__ import annotations

from compiler.graph.graph import Graph
from compiler.graph.ops import Gather, StateRead, StateWrite


def delayed(graph: Graph) -> frozenset[str]:
    """The states that take what others held in the step before, and compute nothing: places of a delay line but the
    first."""
    makers = {op.result: op for _, op in graph.ops() if op.result is not None}
    found, computed = set[str](), set[str]()
    for _, op in graph.ops():
        if isinstance(op, StateWrite):
            made = makers.get(op.x)
            sources = [makers.get(name) for name in made.sources] if isinstance(made, Gather) else [made]
            others = all(isinstance(source, StateRead) and source.state != op.state for source in sources)
            (found if others else computed).add(op.state)
    return frozenset(found - computed)
