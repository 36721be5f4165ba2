"""Whether two steps are the same program, whatever their values are called."""

from __future__ import annotations

from compiler.graph.graph import Graph
from compiler.graph.ops import StateRead, StateWrite

OWN = ("function", "relation")
"""What an op may have besides values and constants"""


def table(graph: Graph) -> list[tuple[object, ...]]:
    """What tells two steps apart: ops, states and constants, whatever their names."""
    numbers: dict[str, int] = {}
    for block in graph.blocks:
        for op in block.ops:
            if op.result is not None:
                numbers.setdefault(op.result, len(numbers))
    for state in graph.states:
        numbers.setdefault(f"state {state.name}", len(numbers))

    def shown(name: str) -> object:
        if name in graph.constants:
            return graph.constants[name].shape, graph.constants[name].tobytes()
        return numbers[name]

    found: list[tuple[object, ...]] = []
    for _, op in graph.ops():
        state = numbers[f"state {op.state}"] if isinstance(op, (StateRead, StateWrite)) else None
        named = map(shown, (*op.operands, *op.arrays))
        found.append((type(op), state, *named, *(getattr(op, name, None) for name in OWN)))
    return found + [(s.size, graph.constants[s.initial].tobytes()) for s in graph.states]
