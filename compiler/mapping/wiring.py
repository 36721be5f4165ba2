"""The connections between populations, and who sends and reads when, in the terms of the mapped network."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.mapping.mapped_network import Connection, Port
from compiler.mapping.mapping_plan import MappingPlan
from compiler.mapping.populations import Groups
from compiler.mapping.schedule import Schedule
from compiler.mapping.sparse import Sparse
from compiler.mapping.traffic import Read
from hw_models.errors import GraphError


@dataclass(frozen=True)
class Wiring:
    """Connections, and for the check of the finished schedule what each port sends and must find."""

    connections: tuple[Connection, ...]
    sends: dict[Port, dict[int, str]]
    reads: tuple[Read, ...]


def wire(plan: MappingPlan, groups: Groups, schedule: Schedule) -> Wiring:
    """All maps as connections, those of both signs as two."""
    output = schedule.output
    if output is None:
        raise GraphError("the graph has no output")
    connections: list[Connection] = []
    reads: list[Read] = []
    sends: dict[Port, dict[int, str]] = {} if plan.input is None else {Port(None): {0: plan.input}}
    for sent in [*schedule.sent.values(), output]:
        ticks = dict.fromkeys(schedule.blocks[sent.block].ticks(sent.level), sent.value)
        sends.setdefault(_port(sent.slot, groups), {}).update(ticks)
    for map_ in plan.maps.values():
        if not map_.terms:
            continue
        arrival = schedule.arrivals[map_.name]
        target = _port(arrival.slot, groups)
        expected: dict[str, str] = {}
        for (value, matrix), delay in zip(map_.terms, arrival.delays, strict=True):
            source = Port(None) if value == plan.input else _port(schedule.sent[value].slot, groups)
            signed = _signed(f"{value} -> {map_.name}", matrix, source, target, delay)
            connections += signed
            expected.update(dict.fromkeys((c.name for c in signed), value))
        ticks = schedule.blocks[arrival.block].ticks(arrival.level)
        reads += [Read(target, tick, expected) for tick in ticks]
    value, matrix = plan.output.terms[0]
    connections += _signed(f"{value} -> output", matrix, _port(output.slot, groups), Port(None), 0)
    return Wiring(tuple(connections), sends, tuple(reads))


def _port(slot: tuple[int, int], groups: Groups) -> Port:
    return Port(groups.names[slot[0]], slot[1])


def _signed(name: str, matrix: Sparse, source: Port, target: Port, delay: int) -> list[Connection]:
    """A connection per sign that occurs: a chip's connection has one sign."""
    found: list[Connection] = []
    for sign, mark in ((1, ""), (-1, " (negative)")):
        part = matrix.of_sign(sign)
        if part.weights.size:
            found.append(
                Connection(name + mark, source, target, part.shape, part.rows, part.columns, part.weights, delay)
            )
    return found
