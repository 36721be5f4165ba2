"""From counted events to time and energy: the formulas; their constants are a chip file's `ChipTiming` and `Energy`.

A tick lasts as long as its busiest core works, plus the barrier that ends it for all. Every result is a band.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from hw_models.arrays import Floats
from hw_models.bands import Band
from hw_models.constants import ChipTiming, Energy

TERMS = ("barrier", "updates", "instructions", "synapses", "messages")
"""What a tick's time is made of, as `time_terms` gives it and in its order."""


@dataclass(frozen=True)
class Events:
    """What happens in each tick on each core, counted or on average: arrays (ticks, cores)."""

    synops: Floats
    """messages that reached a synapse"""
    updates: Floats
    """neurons: each is updated in every tick"""
    instructions: Floats
    """executed by all neurons together"""
    messages_in: Floats
    messages_out: Floats
    arriving: Floats
    """of the messages in those from other cores or the host"""
    leaving: Floats
    """of the messages out those to other cores or the host"""

    def totals(self) -> dict[str, float]:
        """Each kind summed over ticks and cores."""
        return {f.name: float(getattr(self, f.name).sum()) for f in fields(self)}


def tick_times(timing: ChipTiming, events: Events, chips: int = 1) -> list[Band]:
    """How long each tick lasts, in seconds.

    The high end adds the traffic: the messages of the busiest link between a core and the network on the chip, one
    after another. How cores lie to each other, and so the links in between, is not known.
    """
    low, default, high = (
        _barrier(timing, chips, end) + _work(timing, events, end).sum(axis=0).max(axis=1, initial=0.0)
        for end in ("low", "default", "high")
    )
    high = high + timing.hop.high * np.maximum(events.arriving, events.leaving).max(axis=1, initial=0.0)
    return [Band(*map(float, ends)) for ends in zip(low, default, high, strict=True)]


def time_terms(timing: ChipTiming, events: Events, chips: int = 1) -> dict[str, float]:
    """Seconds of all ticks together by `TERMS`, at the default, of the core that is busiest in each tick."""
    work = _work(timing, events, "default")
    busiest = work.sum(axis=0).argmax(axis=1) if work.shape[2] else np.zeros(0, int)
    parts = work[:, np.arange(busiest.size), busiest].sum(axis=1)
    barrier = _barrier(timing, chips, "default") * events.synops.shape[0]
    return dict(zip(TERMS, [barrier, *map(float, parts)], strict=True))


def core_seconds(timing: ChipTiming, events: Events) -> float:
    """Seconds that all cores together work in all ticks, at the default."""
    return float(_work(timing, events, "default").sum())


def _barrier(timing: ChipTiming, chips: int, end: str) -> float:
    return getattr(timing.sync, end) + (chips - 1) * getattr(timing.extra_chip, end)


def _work(timing: ChipTiming, events: Events, end: str) -> Floats:
    """Seconds by term (without the barrier), tick and core."""
    return np.stack(
        [
            events.updates * getattr(timing.update, end),
            events.instructions * getattr(timing.instruction, end),
            events.synops * getattr(timing.synop, end),
            events.messages_in * getattr(timing.message_in, end)
            + events.messages_out * getattr(timing.message_out, end),
        ]
    )


def energy_by_power(energy: Energy, time: Band, chips: int, cores: int) -> Band:
    """Joules that `chips` with `cores` busy cores take in `time`: measured powers, so this is the better number."""
    return time * (chips * energy.static_power + cores * energy.core_power)


def energy_by_operations(energy: Energy, events: Events) -> Band:
    """Joules of the events alone, without what a chip takes at rest; each message to another core is one hop."""
    total = events.totals()
    return (
        total["synops"] * energy.synop
        + total["updates"] * energy.update
        + total["instructions"] * energy.instruction
        + total["messages_out"] * energy.message
        + total["leaving"] * energy.hop
    )
