"""Blocks that repeat, written into the step with what they start from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.graph.graph import State
from compiler.graph.names import fresh, numbered
from compiler.graph.ops import StateWrite
from compiler.steps.repeated_blocks import StateElement, renamed
from compiler.steps.step_builder import STEP, Location, StepBuilder


def emit_repeated(made: StepBuilder, node: int) -> None:
    """A block that repeats. What it starts from is written into the state that keeps what it has left; where there is
    none, it has one of its own."""
    elements, home = made.elements, made.elements.homes[node]
    assert home is not None
    unit, graph = elements.units[home.value], elements.graph
    sizes = [graph.size(name) for name in unit.sources] + [graph.state(name).size for name in unit.states]
    entering = np.split(np.array(elements.operands[node]), np.cumsum(sizes)[:-1])
    names: dict[str | None, str] = {}
    for source, operands in zip(unit.sources, entering, strict=False):
        names[source] = made.gathered([made.place(node, o) for o in operands.tolist()], source)
    parts = made.parts(node)
    states, leaves = dict[str, str](), {op.state: op.x for op in unit.block.commits}
    for number, state in enumerate(unit.states):
        own = [parts.get(StateElement(number, place)) for place in range(graph.state(state).size)]
        operands = entering[len(unit.sources) + number].tolist()
        states[state] = _state_of(made, own, [made.place(node, o) for o in operands], leaves.get(state, home.value))
    made.close(f"before {made.called(unit.block.name)}" if made.blocks else STEP)
    names |= {
        n: made.constant(c, n)
        for n, c in graph.constants.items()
        if any(n in (*op.operands, *op.arrays) for op in unit.block.ops)
    }
    names |= {op.result: made.value(op.result or "", graph.size(op.result or "")) for op in unit.block.computed}
    made.ops += [renamed(op, names, states) for op in unit.block.ops]
    made.close(made.called(unit.block.name), unit.block.repeat)
    for number, state in enumerate(unit.states):
        read = made.read(states[state], leaves.get(state, home.value))
        made.left[read] = states[state]
        made.now |= {h: (read, k.place) for k, h in parts.items() if k.state == number}


def _state_of(made: StepBuilder, own: Sequence[int | None], start: Sequence[Location], value: str) -> str:
    """The state in which a block leaves elements: it is `start` before. `value` has its origin."""
    kept = [made.before.get((h, 1), made.kept.get((h, 1), ("", 0))) if h is not None else ("", 0) for h in own]
    state = made.reads.get(kept[0][0])
    if state is not None and kept == [(kept[0][0], place) for place in range(made.values[kept[0][0]].size)]:
        if kept == start:
            return state
    else:
        state = fresh(numbered(f"{made.called(value)}.repeated"), {s.name for s in made.states}, made.values)
        zeros = made.constant(np.zeros(len(own)), f"{state}.start")
        made.states.append(State(state, len(own), zeros, modules=made.modules(value)))
    made.ops.append(StateWrite(state, made.gathered(start, value)))
    return state
