"""What happens on each core in each tick of a sample: from the schedule, and from a recorded run where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from compiler.assembly import executed_instructions
from compiler.placement.deliveries import OUTSIDE
from compiler.placement.placement import Placement
from hw_models.arrays import Floats
from hw_models.cost import Events

Shares: TypeAlias = Mapping[str, Floats]
"""By value: how often each neuron sends it when it may, from 0 to 1. A message of 0 is not sent."""


def count_events(placement: Placement, shares: Shares | None = None) -> Events:
    """The events of one sample, tick by tick; without `shares` every message is sent.

    A message is delivered in the tick that sends it: the barrier waits for that. Programs take their longest way at
    each tick, whatever the data.
    """
    ticks = placement.network.ticks_per_sample
    shape = (ticks, placement.count)
    updates, instructions = _computing(placement)
    synops, messages_in, messages_out = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    arriving, leaving = np.zeros(shape), np.zeros(shape)
    for sent in placement.deliveries:
        port = sent.connection.source
        crosses = sent.sources != sent.targets
        for at, value in placement.network.sends.get(port, {}).items():
            often = np.ones(sent.neurons.size) if shares is None else shares[value][sent.neurons]
            synops[at] += _by_core(sent.targets, often * sent.synapses, placement.count)
            messages_in[at] += _by_core(sent.targets, often, placement.count)
            messages_out[at] += _by_core(sent.sources, often, placement.count)
            arriving[at] += _by_core(sent.targets, often * crosses, placement.count)
            leaving[at] += _by_core(sent.sources, often * crosses, placement.count)
    return Events(synops, updates, instructions, messages_in, messages_out, arriving, leaving)


def _computing(placement: Placement) -> tuple[Floats, Floats]:
    """Updates and instructions."""
    ticks = placement.network.ticks_per_sample
    updates, instructions = np.zeros((ticks, placement.count)), np.zeros((ticks, placement.count))
    for population in placement.network.populations:
        neurons = np.bincount(placement.cores[population.name], minlength=placement.count)
        executed = np.array(executed_instructions(population.listing, ticks))
        updates += neurons
        instructions += executed[:, None] * neurons
    return updates, instructions


def _by_core(cores: np.ndarray, amounts: Floats, count: int) -> Floats:
    inside = cores != OUTSIDE
    return np.bincount(cores[inside], weights=amounts[inside], minlength=count).astype(np.float64)
