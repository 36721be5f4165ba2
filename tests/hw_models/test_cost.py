"""The formulas of time and energy, on events counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hw_models.bands import Band
from hw_models.chip import load_chip
from hw_models.cost import TERMS, Events, energy_by_operations, energy_by_power, tick_times, time_terms

CHIP = load_chip("loihi2")


def events(ticks: int, cores: int, **counts: object) -> Events:
    names = ("synops", "updates", "instructions", "messages_in", "messages_out", "arriving", "leaving")
    zeros = dict.fromkeys(names, np.zeros((ticks, cores)))
    return Events(**{**zeros, **{n: np.broadcast_to(np.asarray(c, float), (ticks, cores)) for n, c in counts.items()}})


def test_the_qp_solver_takes_its_measured_tick():
    """lava-optimization's QP tutorial: 144 and 264 microcode neurons on two cores, 8.13 us a tick."""
    assert CHIP.timing is not None
    neurons = np.array([144, 264])
    (tick,) = tick_times(CHIP.timing, events(1, 2, updates=neurons, instructions=23 * neurons))
    assert tick.default == pytest.approx(8.13e-6, rel=0.01)
    assert tick.low < tick.default < tick.high


def test_a_tick_waits_for_its_busiest_core():
    assert CHIP.timing is not None
    timing = CHIP.timing
    updates = np.array([[10, 0], [0, 3], [0, 0]])
    ticks = tick_times(timing, events(3, 2, updates=updates))
    expected = [timing.sync.default + n * timing.update.default for n in (10, 3, 0)]
    assert [t.default for t in ticks] == pytest.approx(expected)
    assert [t.high for t in ticks] == pytest.approx([timing.sync.high + n * timing.update.high for n in (10, 3, 0)])


def test_another_chip_makes_the_barrier_longer_and_traffic_counts_at_the_high_end():
    assert CHIP.timing is not None
    timing = CHIP.timing
    one, two = (tick_times(timing, events(1, 1), chips)[0] for chips in (1, 2))
    assert two.default - one.default == pytest.approx(timing.extra_chip.default)
    (busy,) = tick_times(timing, events(1, 2, arriving=[7, 0], leaving=[0, 4]))
    assert (busy.low, busy.default) == (one.low, one.default)
    assert busy.high == pytest.approx(one.high + 7 * timing.hop.high)


def test_terms_add_up_to_the_time():
    assert CHIP.timing is not None
    rng = np.random.default_rng(0)
    counts = {n: rng.integers(0, 1000, (5, 3)) for n in ("synops", "updates", "instructions", "messages_in")}
    found = events(5, 3, **counts, messages_out=4)
    terms = time_terms(CHIP.timing, found, chips=2)
    assert tuple(terms) == TERMS
    total = sum(tick_times(CHIP.timing, found, chips=2), Band.exact(0))
    assert sum(terms.values()) == pytest.approx(total.default)


def test_energy():
    assert CHIP.energy is not None
    energy = replace(
        CHIP.energy,
        static_power=Band.exact(0.25),
        core_power=Band.exact(0.005),
        synop=Band.exact(1e-12),
        update=Band.exact(2e-12),
        instruction=Band.exact(3e-12),
        message=Band.exact(5e-12),
        hop=Band.exact(7e-12),
    )
    by_power = energy_by_power(energy, Band(1e-6, 2e-6, 3e-6), chips=2, cores=10)
    assert [by_power.low, by_power.default, by_power.high] == pytest.approx([0.55e-6, 1.1e-6, 1.65e-6])
    found = events(2, 1, synops=10, updates=20, instructions=30, messages_out=40, leaving=50, messages_in=99)
    assert energy_by_operations(energy, found).default == pytest.approx(2e-12 * (10 + 40 + 90 + 200 + 350))
