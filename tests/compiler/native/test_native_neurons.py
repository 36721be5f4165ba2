"""Listings as machine code: what the interpreter makes of them, neuron by neuron."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listing_strategies import listings

from compiler.assembly.population import Population
from compiler.native.neurons import RESULTS, NativeNeurons
from compiler.running.extra import NATIVE
from compiler.simulator.neurons import InterpretedNeurons
from compiler.simulator.operations import OPERATIONS
from hw_models import isa

pytestmark = pytest.mark.skipif(bool(NATIVE.missing()), reason="llvmlite is not installed")
LANES = 2


def agree(listing, words, sums, ports: int) -> None:
    """Messages and words, tick by tick, in lanes that differ."""
    size = len(sums[0][0])
    population = Population("p", size, tuple(listing), words, len(sums[0]), ports, {"s": "w0"})
    first = {"s": np.arange(size * LANES).reshape(size, LANES)}
    both = [kind(population, LANES, first) for kind in (InterpretedNeurons, NativeNeurons)]
    for number, arrived in enumerate(sums):
        if number == 1:
            for neurons in both:
                neurons.write("w0", 7 - np.arange(size))
        sent = [[np.broadcast_to(m, (size, LANES)).tolist() for m in neurons.tick(arrived)] for neurons in both]
        assert sent[0] == sent[1], f"messages in tick {number}"
        for word in words:
            assert np.array_equal(both[0].read(word), both[1].read(word)), f"{word} after tick {number}"


def test_it_has_what_the_simulator_has():
    assert RESULTS.keys() == OPERATIONS.keys()


@settings(max_examples=20, deadline=None)
@given(listings(), st.integers(0, 2**32 - 1))
def test_any_listing(program, seed):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.integers(-12, 12, shape, dtype=np.int32)  # noqa: E731
    words = {"w0": draw(5), "w1": 0, "w2": draw(5), "shared": 3}
    agree(program[0], words, [[draw(5, LANES), draw(5, LANES)] for _ in range(3)], program[1] + 1)


def test_shifts_beyond_the_word():
    """To the right nothing but the sign is left; to the left only a 0 may be shifted so far."""
    x, r = isa.Accumulator(0), [isa.Register(f"r{i}") for i in range(3)]
    by, most = isa.Word("w0"), isa.Immediate(62)
    listing = [isa.Add(r[0], by, isa.Immediate(30)), isa.ShiftRight(r[1], x, r[0]), isa.ShiftRight(r[2], x, most)]
    listing += [isa.Send(0, r[1]), isa.Send(1, r[2]), isa.ShiftLeft(r[0], isa.Immediate(0), most), isa.Move(by, r[0])]
    agree(listing, {"w0": np.zeros(3, int)}, [[np.array([[-5, 5], [2**31 - 1, -(2**31)], [0, 1]])]] * 2, 2)
