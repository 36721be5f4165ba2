"""Which neurons compute what: a population is a connected component of elementwise use, over all blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from compiler.graph.graph import Graph
from compiler.graph.names import plain_name, unique
from compiler.graph.op_table import OpTable
from compiler.graph.ops import Elementwise, Output, StateRead, StateWrite
from compiler.mapping.mapping_plan import MappingPlan


@dataclass(frozen=True)
class Groups:
    """The populations by number: their names and sizes, and which owns a value, a map or a state."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    owner: dict[str, int]
    state_owner: dict[str, int]
    output_owner: int


def group_populations(plan: MappingPlan) -> Groups:
    """Join what meets in an elementwise op or in a state; constants join nobody."""
    graph = plan.graph
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    def join(names: list[str]) -> None:
        for name in names:
            leader[find(name)] = find(names[0])

    for _, op in graph.ops():
        join([name for name in MEETING(op) if name not in graph.constants])
    for state in graph.states:
        find(_state(state.name))
    numbers: dict[str, int] = {}
    for name in leader:
        numbers.setdefault(find(name), len(numbers))
    owner = {n: numbers[find(n)] for n in leader}
    members: list[list[str]] = [[] for _ in numbers]
    for name, number in owner.items():
        members[number].append(name)
    values = {n: p for n, p in owner.items() if not n.startswith(_STATE)}
    states = {n[len(_STATE) :]: p for n, p in owner.items() if n.startswith(_STATE)}
    sent = {source for m in plan.maps.values() for source, _ in m.terms if source != plan.input}
    output = graph.answer.x
    names = tuple(unique((_name(graph, names, sent) for names in members), mark="#"))
    sizes = tuple(_size(graph, names[0]) for names in members)
    return Groups(names, sizes, values, states, values[output])


_STATE = "state:"


def _state(name: str) -> str:
    return _STATE + name


def _size(graph: Graph, name: str) -> int:
    return graph.state(name[len(_STATE) :]).size if name.startswith(_STATE) else graph.size(name)


def _name(graph: Graph, members: list[str], sent: set[str]) -> str:
    """The population's state, else its first message or, where it sends only to the output, its last float value."""
    states = [n[len(_STATE) :] for n in members if n.startswith(_STATE)]
    if states:
        return states[0]
    represented = [n for n in members if graph.values[n].represents]
    name = next((n for n in members if n in sent), represented[-1] if represented else members[0])
    return _unnumbered(graph, graph.values[name].represents or plain_name(name))


def _unnumbered(graph: Graph, name: str) -> str:
    """`name` without the number that told it from an earlier value, where none of that name is left."""
    head = re.sub(r"_\d+$", "", name)
    return name if any(plain_name(n) == head for n in graph.values) else head


MEETING: OpTable[[], Sequence[str]] = OpTable("meeting")
"""What an op of a population keeps in the same neurons: values, states and constants."""
MEETING.on(Elementwise)(lambda op: (str(op.result), *op.operands))
MEETING.on(StateRead)(lambda op: (_state(op.state), op.out))
MEETING.on(StateWrite)(lambda op: (_state(op.state), op.x))
MEETING.always((), Output)
