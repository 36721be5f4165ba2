"""What a block that repeats reads of values before it: the elements that it uses, gathered before it.

A sample that holds all steps is one value: a block that takes one step of it would seem to need all.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.graph.graph import Block, Graph, Value
from compiler.graph.names import fresh, numbered
from compiler.graph.ops import Gather, Op
from hw_models.arrays import Array, Integers, located


def only_used(graph: Graph) -> Graph:
    """The same graph, whose blocks that repeat read no more of what is computed before them than they use."""
    if all(block.repeat == 1 for block in graph.blocks):
        return graph
    apart, blocks = _Apart(graph, dict(graph.values), dict(graph.constants)), list[Block]()
    for block in graph.blocks:
        before, ops = list[Op](), block.ops
        if block.repeat > 1:
            own = {op.result for op in block.computed}
            parted = [apart.parted(op, own) if isinstance(op, Gather) else (None, op) for op in block.ops]
            before, ops = [op for op, _ in parted if op is not None], tuple(op for _, op in parted)
        if before and blocks and blocks[-1].repeat == 1:
            blocks[-1] = replace(blocks[-1], ops=(*blocks[-1].ops, *before))
        elif before:
            blocks.append(Block(f"before {block.name}", tuple(before)))
        blocks.append(replace(block, ops=ops))
    return replace(graph, blocks=tuple(blocks), values=apart.values, constants=apart.constants)


class _Apart:
    """What is gathered before blocks: values and constants with those that are new."""

    def __init__(self, graph: Graph, values: dict[str, Value], constants: dict[str, Array]) -> None:
        self.graph, self.values, self.constants = graph, values, constants
        self._indices: dict[bytes, str] = {}

    def parted(self, op: Gather, own: set[str | None]) -> tuple[Gather | None, Gather]:
        """What is gathered before the block, and what of that and of its `own` values in it."""
        graph, index = self.graph, self.graph.constants[op.index].astype(np.int64)
        outside = [name not in own for name in op.sources]  # and constants, which others are in the next step
        if not any(name in graph.values for name, other in zip(op.sources, outside, strict=True) if other):
            return None, op
        source, at = located(index, map(graph.size, op.sources))
        theirs = np.array(outside)[source]
        used, places = np.unique(index[theirs], return_inverse=True)
        inside = [name for name, other in zip(op.sources, outside, strict=True) if not other]
        shifts = np.cumsum(
            [0, *(graph.size(name) * (not other) for name, other in zip(op.sources, outside, strict=True))]
        )
        within = len(used) + shifts[source] + at
        within[theirs] = places
        origin, name = graph.values[op.out], fresh(numbered(f"{op.out}.read"), self.values)
        self.values[name] = Value(name, len(used), origin.modules, origin.lines)
        names = [name for name, other in zip(op.sources, outside, strict=True) if other]
        kept = np.cumsum([0, *(graph.size(name) * other for name, other in zip(op.sources, outside, strict=True))])
        source, at = located(used, map(graph.size, op.sources))
        read = Gather(name, tuple(names), self._index(kept[source] + at))
        return read, Gather(op.out, (name, *inside), self._index(within))

    def _index(self, index: Integers) -> str:
        key = index.tobytes()
        if key not in self._indices:
            self._indices[key] = fresh(numbered("read.index"), self.constants)
            self.constants[self._indices[key]] = index
        return self._indices[key]
