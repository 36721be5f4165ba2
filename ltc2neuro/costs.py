"""What a sample of a compiled network costs on a chip: placed, its events counted, times and energies added up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compiler.placement.events import count_events
from compiler.placement.placement import Placement
from compiler.placement.search import memory_of, place
from hw_models.bands import Band
from hw_models.chip import Chip
from hw_models.cost import Events, energy_by_operations, energy_by_power, tick_times, time_terms
from hw_models.errors import ChipError, InputError
from ltc2neuro.cost_report import Cost, Messages
from ltc2neuro.extras import COUNTING

if TYPE_CHECKING:
    from compiler.placement.activity import Activity
    from ltc2neuro.network import Network
    from ltc2neuro.runs import Run


def cost(net: Network, run: Run | None = None, chip: Chip | None = None, cores: int = 1) -> Cost:
    """What a sample of `net` costs on `chip`, by default its own: worst case, or with the messages of `run`.

    `cores`: over how many it shall be spread at least. Raises `ChipError` where it does not fit, or where the chip's
    file does not tell times and energies.
    """
    if type(cores) is not int or cores < 1:
        raise InputError(f"cores must be an int from 1 on, not {cores!r}")
    on = net.chip if chip is None else chip
    if on.timing is None or on.energy is None:
        raise ChipError(
            "nothing is known of its times and energies, so nothing can be said of a network's cost",
            where=f"chip {on.name}",
            advice="Use chip='loihi2', or a .toml file of your own with [timing] and [energy].",
        )
    placement = net.placement if on is net.chip and cores == 1 else placed(net, on, cores)
    activity = None if run is None else _activity(placement, run)
    events = count_events(placement, None if activity is None else activity.sent)
    return _cost(placement, on, events, activity)


def placed(net: Network, chip: Chip, cores: int = 1) -> Placement:
    """The network's neurons on cores of `chip`, at least on so many. Raises `ChipError` where they do not fit."""
    from compiler.mapping.mapper import map_network

    memory_of(chip)  # before anything is mapped
    return place(map_network(net.graph, chip), chip, spread=cores)


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
        longest_tick=max(ticks, key=lambda tick: tick.default),
        sample=sample,
        latency=sum((ticks[t % len(ticks)] for t in range(network.latency)), Band.exact(0)),
        energy=by_power,
        dynamic=energy_by_power(energy, sample, 0, placement.count),
        operations=energy_by_operations(energy, events),
        terms=time_terms(timing, events, placement.chips),
        messages=_counted(placement, activity),
    )


def _counted(placement: Placement, activity: Activity | None) -> Messages:
    """Neurons that send at a port's ticks: those with a synapse behind them."""
    possible = sent = unchanged = 0.0
    for port, ticks in placement.network.sends.items():
        neurons = [d.neurons for d in placement.deliveries if d.connection.source == port]
        own = np.unique(np.concatenate(neurons)) if neurons else np.zeros(0, np.int64)
        possible += own.size * len(ticks)
        if activity is not None:
            sent += sum(float(activity.sent[port][tick][own].sum()) for tick in ticks)
            unchanged += sum(float(activity.unchanged[port][tick][own].sum()) for tick in ticks)
    return Messages(possible) if activity is None else Messages(possible, sent, unchanged)


def _activity(placement: Placement, run: Run) -> Activity:
    """Repeat the run, message by message."""
    if run.on == "floating":
        raise InputError("a run on 'floating' sends no integers", advice="Give one on 'reference' or Lava.")
    COUNTING.require()
    from compiler.placement.activity import count_activity

    return count_activity(placement.network, run.entered)
