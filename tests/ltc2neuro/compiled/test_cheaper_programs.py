"""An LTC's program: as few instructions as it takes, and in Lava the integers of the reference."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from networks import sequences, tracked

from compiler.assembly import executed_instructions
from hw_models import isa
from ltc2neuro.errors import LavaError, MissingExtraError


def test_a_synapse_executes_little_and_next_to_nothing_between_sub_steps():
    mapped = tracked().mapped()
    synapses = max((p for p in mapped.populations if not p.states), key=lambda p: p.size)
    busy, idle = 3 + 2 + 4 * 2 + 7 + 1 + 4, 3
    assert set(executed_instructions(synapses.listing, mapped.ticks_per_sample)) == {busy, idle}
    assert not {type(i) for i in synapses.listing} & {isa.Compare, isa.Select}


def test_a_quotients_octaves_shift_by_numbers():
    (cell,) = (p for p in tracked().mapped().populations if p.states)
    amounts = {type(i.amount) for i in cell.listing if isinstance(i, (isa.ShiftLeft, isa.ShiftRight))}
    assert amounts == {isa.Immediate}


@pytest.mark.parametrize("on", ["simulator", "lava", "lava-fused"])
def test_it_is_equal(on):
    net, x = tracked(), sequences(2, 4)
    reference = net.run(x, on="reference")
    try:
        run = net.run(x, on=on)
    except (LavaError, MissingExtraError) as missing:
        pytest.skip(str(missing))
    assert np.array_equal(run.integers, reference.integers)
    assert all(np.array_equal(run.states[name], states) for name, states in reference.states.items())
