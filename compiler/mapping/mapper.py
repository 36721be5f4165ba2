"""An integer graph becomes a mapped network: plan, populations, schedule, connections, programs; and a check."""

from __future__ import annotations

from dataclasses import replace

from compiler.assembly import executed_instructions, finish
from compiler.graph.graph import Graph
from compiler.graph.integers import IntegerGraph, as_integers
from compiler.graph.ops import Input
from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.mapping_plan import MappingPlan, make_plan
from compiler.mapping.options import Options
from compiler.mapping.overlap import population
from compiler.mapping.populations import Groups, group_populations
from compiler.mapping.timing import choose_timing, stretched
from compiler.rewrite.merge import merge_synapses
from compiler.rewrite.settled_sums import settle_sums
from hw_models.chip import Chip
from hw_models.errors import InputError


def map_network(
    graph: Graph, chip: Chip, reset_interval: int | None = None, options: Options | None = None
) -> MappedNetwork:
    """Map an integer graph to `chip`. States return to their start every `reset_interval` samples, or never.

    Raises `ChipError` where the chip cannot do it, `InputError` for wrong arguments.
    """
    if reset_interval is not None and reset_interval < 1:
        raise InputError(f"reset_interval must be at least 1 sample, not {reset_interval}")
    if reset_interval is not None and reset_interval > chip.word_high:
        raise InputError(
            "the neurons cannot count this many samples",
            numbers=f"reset_interval = {reset_interval}, {chip.name} counts to {chip.word_high}",
            advice="Give a shorter interval, or None for no reset.",
        )
    if options is None:
        options = Options()
    elif not isinstance(options, Options):
        raise InputError(
            "options must be an Options", numbers=f"{options!r}", advice="Such as Options(Overlap.LAYERS)."
        )
    integers = as_integers(graph)
    merged = integers if options.merged is False else as_integers(merge_synapses(integers, chip.word_high))
    if merged is integers:
        if options.merged:
            raise InputError(
                "no synapses of this graph can be merged without changing an integer",
                where="options",
                advice="compile(model, x, merged=True) merges before integers are chosen, and needs no option here.",
            )
        return _mapped(integers, chip, reset_interval, options)
    soonest = replace(options, ticks_per_sample=None)
    if not options.merged:
        apart, in_one = (_mapped(g, chip, reset_interval, soonest) for g in (integers, merged))
        if _cost(apart) <= _cost(in_one):
            return apart if options == soonest else _mapped(integers, chip, reset_interval, options)
        if options == soonest:
            return in_one
    return _mapped(merged, chip, reset_interval, options)


def _cost(network: MappedNetwork) -> tuple[int, int]:
    """Ticks of a sample; then the instructions that all neurons execute in it, at most, and the messages they send."""
    ticks = network.ticks_per_sample
    sizes = {p.name: p.size for p in network.populations}
    work = sum(len(at) * sizes[port.population] for port, at in network.sends.items() if port.population is not None)
    for p in network.populations:
        work += p.size * sum(executed_instructions(p.listing, ticks))
    return ticks, work


def _mapped(graph: IntegerGraph, chip: Chip, reset_interval: int | None, options: Options) -> MappedNetwork:
    graph = settle_sums(graph, chip.word_high)
    plan = make_plan(graph, chip)
    groups = group_populations(plan)
    if _crowds_input(plan, groups, chip):
        plan = make_plan(graph, chip, gated=True)
        groups = group_populations(plan)
    timing = choose_timing(plan, groups, chip, options.overlap, resets=reset_interval is not None)
    if options.ticks_per_sample is not None:
        timing = stretched(timing, options.overlap, options.ticks_per_sample)
    wiring, period = timing.wiring, timing.period
    mapped = [population(p, period, reset_interval, timing.schedule.committed) for p in timing.programs]
    return MappedNetwork(
        populations=tuple(finish(p, chip, {monitor.word for monitor in monitors}) for p, monitors in mapped),
        connections=wiring.connections,
        input_size=sum(graph.size(op.out) for _, op in graph.ops() if isinstance(op, Input)),
        output_size=plan.output.terms[0][1].shape[0],
        ticks_per_sample=period,
        latency=timing.schedule.latency,
        monitors=tuple(monitor for _, monitors in mapped for monitor in monitors),
        sends={p: dict(sorted((t % period, v) for t, v in at.items())) for p, at in wiring.sends.items()},
        values={name: groups.names[number] for name, number in groups.owner.items()},
    )


def _crowds_input(plan: MappingPlan, groups: Groups, chip: Chip) -> bool:
    """The input may carry anything between samples: a port that listens to it can serve no other sum."""
    from_input: dict[int, list[bool]] = {}
    for map_ in plan.maps.values():
        if map_.terms:
            from_input.setdefault(groups.owner[map_.name], []).append(any(s == plan.input for s, _ in map_.terms))
    return any(any(sums) and len(sums) > chip.sums for sums in from_input.values())
