"""An integer graph becomes a mapped network: plan, populations, schedule, connections, programs; and a check."""

from __future__ import annotations

from compiler.assembly import finish
from compiler.graph.graph import Graph
from compiler.graph.ops import Input
from compiler.mapping.network import MappedNetwork
from compiler.mapping.options import Options, Overlap
from compiler.mapping.overlap import has_order, least_period, population
from compiler.mapping.plan import Plan, make_plan
from compiler.mapping.populations import Groups, group
from compiler.mapping.programs import Program, programs
from compiler.mapping.schedule import Schedule, make_schedule
from compiler.mapping.traffic import check, disturbances
from compiler.mapping.wiring import Wiring, wire
from hw_models.chip import Chip
from hw_models.errors import GraphError, InputError


def map_network(
    graph: Graph, chip: Chip, reset_interval: int | None = None, options: Options | None = None
) -> MappedNetwork:
    """Map an integer graph to `chip`. States return to their start every `reset_interval` samples, or never.

    Raises `ChipError` where the chip cannot do it.
    """
    if reset_interval is not None and reset_interval < 1:
        raise InputError(f"reset_interval must be at least 1 sample, not {reset_interval}")
    if reset_interval is not None and reset_interval > chip.word_high:
        raise InputError(
            "the neurons cannot count so many samples",
            numbers=f"reset_interval = {reset_interval}, {chip.name} counts to {chip.word_high}",
            advice="Give a shorter interval, or None for no reset.",
        )
    plan = make_plan(graph, chip)
    groups = group(plan)
    if _crowds_input(plan, groups, chip):
        plan = make_plan(graph, chip, gated=True)
        groups = group(plan)
    schedule = make_schedule(plan, groups, chip)
    output = schedule.output
    if output is None:
        raise GraphError("the graph has no output")
    wiring = wire(plan, groups, schedule, output)
    all_programs = programs(plan, groups, schedule, chip, resets=reset_interval is not None)
    period = _period(all_programs, schedule, wiring, chip, options or Options())
    mapped = [population(p, period, reset_interval, schedule.committed) for p in all_programs]
    return MappedNetwork(
        populations=tuple(finish(p, chip, {probe.word for probe in probes}) for p, probes in mapped),
        connections=wiring.connections,
        input_size=sum(graph.size(op.out) for _, op in graph.ops() if isinstance(op, Input)),
        output_size=plan.output.terms[0][1].shape[0],
        ticks_per_sample=period,
        latency=schedule.spans[output.block].ticks(output.level)[0] + 1,
        probes=tuple(probe for _, probes in mapped for probe in probes),
        sends={p: dict(sorted((t % period, v) for t, v in at.items())) for p, at in wiring.sends.items()},
    )


def _crowds_input(plan: Plan, groups: Groups, chip: Chip) -> bool:
    """The input may carry anything between samples: a port that listens to it can serve no other sum."""
    from_input: dict[int, list[bool]] = {}
    for map_ in plan.maps.values():
        if map_.terms:
            from_input.setdefault(groups.owner[map_.name], []).append(any(s == plan.input for s, _ in map_.terms))
    return any(any(sums) and len(sums) > chip.sums for sums in from_input.values())


def _period(programs: tuple[Program, ...], schedule: Schedule, wiring: Wiring, chip: Chip, options: Options) -> int:
    """Ticks of a sample: as few as ports and words allow, at most those of a sample that runs alone."""
    alone = _alone(schedule, wiring, chip)
    if options.overlap is Overlap.NONE:
        return alone
    least = least_period(programs, schedule.committed, together=options.overlap is Overlap.BLOCKS)
    for period in range(least, alone):
        free = not disturbances(wiring.sends, wiring.connections, wiring.reads, period)
        if free and has_order(programs, period):
            return period
    return alone


def _alone(schedule: Schedule, wiring: Wiring, chip: Chip) -> int:
    """Ticks until the last thing is done, and no message that is still under way disturbs the next sample."""
    used = [tick for ticks in wiring.sends.values() for tick in ticks] + [read.tick for read in wiring.reads]
    last = max([span.end for span in schedule.spans] + used)
    for period in range(last + 1, last + chip.max_delay + 3):
        if not disturbances(wiring.sends, wiring.connections, wiring.reads, period):
            return period
    check(wiring.sends, wiring.connections, wiring.reads, last + 1)
    return last + 1
