"""Makes the schedule of a sample, block by block."""

from __future__ import annotations

from dataclasses import replace

from compiler.graph.graph import Block
from compiler.graph.ops import StateRead
from compiler.mapping.leveling import PATIENCE, DoesNotFitError, Leveling, Task
from compiler.mapping.mapping_plan import MappingPlan
from compiler.mapping.populations import Groups
from compiler.mapping.schedule import BlockTicks, Schedule
from compiler.mapping.slack import latest_levels
from compiler.mapping.traffic import Traffic
from hw_models.chip import Chip
from hw_models.errors import ChipError

HASTE = 4
"""This many levels may what waits leave too early."""


def make_schedule(
    plan: MappingPlan, groups: Groups, chip: Chip, *, patient: bool = False, period: int | None = None
) -> Schedule:
    """Place all blocks, each as early as its operands and the ports allow. Raises `ChipError` where they do not.

    `patient`: in blocks that run once each value waits until it is needed. `period`: the ports are shared with other
    samples, one of which enters every `period` ticks.
    """
    senders = {groups.owner[source] for m in plan.maps.values() for source, _ in m.terms if source != plan.input}
    shared = groups.output_owner in senders
    if shared and chip.messages < 2:
        raise ChipError(
            "the output needs a message port of its own",
            where=groups.names[groups.output_owner],
            numbers=f"{chip.name}: {chip.messages} message port",
        )
    task = Task(plan, groups, chip, chip.messages - 1 if shared else 0)
    schedule = Schedule(traffic=Traffic(period))
    for number, block in enumerate(plan.graph.blocks):
        try:
            schedule = _placed(task, schedule, number) if block.repeat > 1 else _once(task, schedule, number, patient)
        except DoesNotFitError as error:
            raise _crowded(block, chip) from error
    return schedule


def _once(task: Task, before: Schedule, number: int, patient: bool) -> Schedule:
    """The schedule with one more block, which runs once."""
    block = task.plan.graph.blocks[number]
    span = BlockTicks(_earliest(before, block), 0, 1)
    soon = Leveling(task, before, number, span).run(block.ops)
    if not patient:
        return soon
    latest = latest_levels(task.plan, soon, number)
    for less in range(HASTE):  # at the very last level a port may be taken
        wait = {name: level - less for name, level in latest.items()}
        try:
            late = Leveling(task, before, number, span, wait).run(block.ops)
        except DoesNotFitError:
            continue
        delayed = soon.output is not None and late.output is not None and late.output.level > soon.output.level
        if not delayed and late.blocks[-1].length <= soon.blocks[-1].length:
            return late
    return soon


def _placed(task: Task, before: Schedule, number: int) -> Schedule:
    """The schedule with one more block, which repeats: as short as it can be, and then as early."""
    block, period = task.plan.graph.blocks[number], before.traffic.period
    earliest = _earliest(before, block)
    calm = max([earliest, *(span.end for span in before.blocks)])
    last = max(calm, before.traffic.horizon()) if period is None else calm + period - 1
    alone = replace(before, traffic=Traffic(links=before.traffic.links))
    shortest = max(1, Leveling(task, alone, number, BlockTicks(calm, 0, 1)).run(block.ops).blocks[-1].length)
    for length in range(shortest, shortest + PATIENCE if period is None else period // block.repeat + 1):
        for start in range(earliest, last + 1):
            try:
                return Leveling(task, before, number, BlockTicks(start, length, block.repeat)).run(block.ops)
            except DoesNotFitError:
                continue
    raise DoesNotFitError


def _earliest(before: Schedule, block: Block) -> int:
    """When the states that the block reads are written."""
    return max((before.committed.get(op.state, 0) for op in block.ops if isinstance(op, StateRead)), default=0)


def _crowded(block: Block, chip: Chip) -> ChipError:
    return ChipError(
        "its messages and sums do not fit the ports at any tick",
        where=f"block {block.name}",
        numbers=f"{chip.name}: {chip.sums} sums, {chip.messages} messages, delays up to {chip.max_delay}",
        advice="Use smaller layers, or a chip with more ports.",
    )
