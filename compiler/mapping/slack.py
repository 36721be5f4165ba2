"""How long the values of a block may wait: what depends on states alone is ready early, and needed late.

A state that is read late may be written late by the sample before: without waiting, every layer of a stack would
send its state at the first tick of a sample.
"""

from __future__ import annotations

from functools import cache

from compiler.graph.ops import Elementwise, Op, Output, StateRead, StateWrite
from compiler.mapping.mapping_plan import LinearMap, MappingPlan
from compiler.mapping.schedule import Schedule


def latest_levels(plan: MappingPlan, schedule: Schedule, block: int) -> dict[str, int]:
    """For each value that a block, which runs once, makes of states alone: the latest level that delays nothing."""
    ops = plan.graph.blocks[block].ops
    readers: dict[str, list[Op]] = {}
    elsewhere: set[str] = set()
    for number, other in enumerate(plan.graph.blocks):
        for op in other.ops:
            for name in op.operands:
                readers.setdefault(name, []).append(op)
                if number != block:
                    elsewhere.add(name)
    maps: dict[str, list[LinearMap]] = {}
    for map_ in plan.maps.values():
        for source, _ in map_.terms:
            maps.setdefault(source, []).append(map_)

    @cache
    def latest(name: str) -> int:
        ready = schedule.levels[name]
        if name in elsewhere:
            return ready
        needed = [_needed(op) for op in readers.get(name, [])]
        needed += [_arriving(m) - 1 for m in maps.get(name, [])]
        return max(ready, min(needed, default=ready))

    def _arriving(map_: LinearMap) -> int:
        level = schedule.arrivals[map_.name].level
        if map_.name in elsewhere:
            return level
        return min([level, *(_needed(op) for op in readers.get(map_.name, []))])

    def _needed(op: Op) -> int:
        if isinstance(op, Output):
            return schedule.output.level if schedule.output is not None else 0
        if isinstance(op, StateWrite):
            return schedule.commits[block, op.state]
        return latest(str(op.result))

    values = [str(op.result) for op in ops if isinstance(op, (Elementwise, StateRead))]
    return {name: latest(name) for name in values if schedule.levels[name] == 0}
