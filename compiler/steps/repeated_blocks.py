"""A block that runs more than once a sample, such as the sub-steps of a solver: one element, whose parts are what it
leaves in its states."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.graph.graph import Block, Graph
from compiler.graph.ops import Op, StateRead, StateWrite


@dataclass(frozen=True)
class Repeated:
    """The kind of such an element: what the block does, whatever its values and states are called."""

    repeat: int
    ops: tuple[Op, ...]


@dataclass(frozen=True)
class StateElement:
    """The kind of an element of a state that a block leaves."""

    state: int
    place: int


@dataclass(frozen=True)
class Unit:
    """A block, the values of others that it reads, and its states: in this order they are its operands."""

    block: Block
    sources: tuple[str, ...]
    states: tuple[str, ...]

    @property
    def name(self) -> str:
        """The value of the block's own that stands for it."""
        return self.block.computed[0].result or ""

    def kind(self) -> Repeated:
        """What it does."""
        names = {op.result: f"%{number}" for number, op in enumerate(self.block.computed)}
        names |= {source: f"<{number}" for number, source in enumerate(self.sources)}
        numbers = {state: str(number) for number, state in enumerate(self.states)}
        return Repeated(self.block.repeat, tuple(renamed(op, names, numbers) for op in self.block.ops))


def unit(block: Block, graph: Graph) -> Unit:
    """A block of a graph as one."""
    own = {op.result for op in block.computed}
    read = dict.fromkeys(n for op in block.ops for n in op.operands if n not in own and n not in graph.constants)
    states = dict.fromkeys(op.state for op in block.ops if isinstance(op, (StateRead, StateWrite)))
    return Unit(block, tuple(read), tuple(states))


def renamed(op: Op, names: dict[str | None, str], states: dict[str, str]) -> Op:
    """An op with other names of values and states."""
    op = op.renamed(lambda name: names.get(name, name))
    return replace(op, state=states[op.state]) if isinstance(op, (StateRead, StateWrite)) else op
