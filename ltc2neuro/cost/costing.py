"""What a sample of a compiled network costs on a chip: placed, its events counted, times and energies added up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.options import Options, Overlap
from compiler.placement.activity import Activity, Sent, count_activity, senders
from compiler.placement.events import count_events
from compiler.placement.placement import Placement
from compiler.placement.prepared import Prepared
from compiler.running.executor import Job
from compiler.running.interpreted import REFERENCE
from hw_models.arguments import check_count
from hw_models.bands import Band
from hw_models.chip import LAVA_WIDTHS, Chip, load_chip
from hw_models.cost import Events, core_seconds, energy_by_operations, energy_by_power, tick_times, time_terms
from hw_models.errors import ChipError, GraphError, InputError
from ltc2neuro.compiled.parts import Parts
from ltc2neuro.compiled.run import Run
from ltc2neuro.cost.sample_cost import Cost, Messages
from ltc2neuro.extras import COUNTING
from ltc2neuro.inputs.arguments import check_options

COMPARED = 8
"""Samples of a recorded run by which it is told whether the network is the one that ran."""


def cost(
    parts: Parts,
    run: Run | Sent | None = None,
    chip: Chip | str | Path | None = None,
    cores: int = 1,
    options: Options | None = None,
) -> Cost:
    """What a sample of `parts` costs on `chip`, by default its own: worst case, or with the messages of `run`.

    `cores`: on how many it shall lie at least; `options`: how it is mapped. Raises `PlacementError` where it does not
    fit, `ChipError` where the chip's file does not tell memory, times and energies, `InputError` for wrong arguments,
    such as another network's run.
    """
    check_count(cores, "cores")
    check_options(options)
    on = parts.record.chip if chip is None else load_chip(chip)
    if on.timing is None or on.energy is None:
        if on.refuses:
            raise ChipError(
                "it refuses liquid networks, so there is no cost to compute",
                where=f"chip {on.name}",
                numbers=f"{len(on.refuses)} reasons, such as: {on.refuses[0].reason}",
                advice=f"ltc2neuro.check(net, {on.name!r}) lists them all.",
            )
        raise ChipError(
            "its times and energies are not known, so the network's cost cannot be computed",
            where=f"chip {on.name}",
            advice="Use chip='loihi2', or a .toml file of your own with [timing] and [energy].",
        )
    placement = parts.prepared.on(on).placed(cores, options)
    activity = None if run is None else _activity(parts, placement, run, options)
    events = count_events(placement, None if activity is None else activity.sent)
    return _cost(placement, on, events, activity)


def _cost(placement: Placement, chip: Chip, events: Events, activity: Activity | None) -> Cost:
    timing, energy, network = chip.timing, chip.energy, placement.network
    assert timing is not None and energy is not None  # the caller has seen to that
    ticks = tick_times(timing, events, placement.chips)
    sample = sum(ticks, Band.exact(0))
    by_power = energy_by_power(energy, sample, placement.chips, placement.count)
    return Cost(
        chip=chip,
        placement=placement,
        recorded=activity is not None,
        ticks_per_sample=network.ticks_per_sample,
        latency_ticks=network.latency,
        tick=sample / len(ticks),
        longest_tick=Band(*map(max, zip(*(t.ends for t in ticks), strict=True))),
        sample=sample,
        latency=sum((ticks[t % len(ticks)] for t in range(network.latency)), Band.exact(0)),
        energy=by_power,
        dynamic=energy_by_power(energy, sample, 0, placement.count),
        operations=energy_by_operations(energy, events),
        terms=time_terms(timing, events, placement.chips),
        work=core_seconds(timing, events),
        messages=_counted(placement, activity),
    )


def _counted(placement: Placement, activity: Activity | None) -> Messages:
    """Neurons that send at a port's ticks: those with a synapse."""
    possible = sent = unchanged = 0.0
    for port, ticks in placement.network.sends.items():
        neurons = [d.neurons for d in placement.deliveries if d.connection.source == port]
        own = np.unique(np.concatenate(neurons)) if neurons else np.zeros(0, np.int64)
        possible += own.size * len(ticks)
        if activity is not None:
            sent += sum(float(activity.sent[value][own].sum()) for value in ticks.values())
            unchanged += sum(float(activity.unchanged[value][own].sum()) for value in ticks.values())
    return Messages(possible) if activity is None else Messages(possible, sent, unchanged)


def _activity(parts: Parts, placement: Placement, run: Run | Sent, options: Options | None) -> Activity:
    """What a run sent, or several that were counted."""
    if isinstance(run, Sent):
        if {name: len(counts) for name, counts in run.sent.items()} != senders(placement.network):
            raise InputError("these messages are another network's", advice="Give those of evaluate(net, ...).")
        return run.shares
    _require_own(parts, run)
    return count_run(parts, run, placement, options).shares


def count_run(parts: Parts, run: Run, placement: Placement, options: Options | None = None) -> Sent:
    """Repeat a run of `parts`, message by message and sample after sample; `placement` says how it is mapped."""
    for key, most in LAVA_WIDTHS.items():
        if getattr(parts.record.chip, key) > most:
            raise ChipError(
                f"a run's messages are counted in {most} bits at most, and would wrap",
                where=f"chip {parts.record.chip.name}",
                numbers=f"{key} is {getattr(parts.record.chip, key)}",
                advice="Leave out the run: cost() counts the worst case.",
            )
    COUNTING.require()
    return count_activity(_apart(parts.prepared.on(placement.chip), placement, options), run.entered)


def _require_own(parts: Parts, run: Run) -> None:
    """Raise `InputError` for a run of another network: repeated on this one, it would be counted silently."""
    if not isinstance(run, Run):
        raise InputError("run must be a Run", numbers=f"{type(run).__name__}", advice="Give what net.run(x) returned.")
    if run.integers is None:
        raise InputError("a run on 'floating' sends no integers", advice="Give one on 'reference' or Lava.")
    record, reference = parts.record, parts.runners.on(REFERENCE)
    sizes = {s.name: (s.size,) for s in record.graph.states}
    integers = run.integers if isinstance(run.integers, list) else record.layout.answers(run.integers)
    for x, state in run.entered:
        own = x.shape[2] == record.features + record.timed
        own = own and (state is None or {name: s.shape[1:] for name, s in state.items()} == sizes)
        if own:
            begun = reference(Job(x[:, :COMPARED], state)).outputs
            own = np.array_equal(begun, [y[:COMPARED] for y in integers if len(y) == x.shape[1]])
        if not own:
            raise InputError(
                "the run is another network's: this one returns other integers for its samples",
                advice="Give a run of the network itself, net.cost(net.run(x)).",
            )


def _apart(prepared: Prepared, placement: Placement, options: Options | None) -> MappedNetwork:
    """The network mapped so that it sends the same values, but samples do not overlap."""
    given, wanted = options or Options(), _sent(placement.network)
    for merged in (given.merged, False, True):  # where the mapping chooses, it may choose otherwise for this overlap
        network = prepared.mapped(options=Options(Overlap.NONE, merged))
        if _sent(network) == wanted:
            return network
    raise GraphError("no mapping without overlap sends the same values")


def _sent(network: MappedNetwork) -> Counter[str]:
    """How often each value is sent in a sample."""
    return Counter(value for ticks in network.sends.values() for value in ticks.values())
