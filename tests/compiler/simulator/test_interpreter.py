"""The interpreter against executing each neuron on its own, instruction by instruction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listing_strategies import listings, one_neuron

from compiler.simulator.interpreter import Interpreter
from hw_models import isa
from hw_models.errors import GraphError


@settings(max_examples=300, deadline=None)
@given(listings(), st.integers(0, 2**32 - 1), st.sampled_from([(5,), (4, 3), (3, 1)]), st.booleans())
def test_equals_each_neuron_alone(program, seed, shape, uniform):
    listing, ports = program
    rng = np.random.default_rng(seed)
    draw = lambda s: rng.integers(-12, 12, s, dtype=np.int32)  # noqa: E731
    words = {"w0": draw(shape), "w1": 0, "w2": draw((shape[0], 1) if len(shape) == 2 else shape), "shared": 3}
    if uniform:
        words["w0"] = -2
    alone = {position: {} for position in np.ndindex(shape)}
    for name, value in words.items():
        for position, neuron in alone.items():
            neuron[name] = int(np.broadcast_to(value, shape)[position])
    interpreter = Interpreter(listing, shape)
    for _ in range(3):
        sums = [draw(shape), 0 if uniform else draw(shape)]
        messages = interpreter.tick(words, sums)
        assert len(messages) == ports
        for position, neuron in alone.items():
            expected = one_neuron(listing, neuron, [int(np.broadcast_to(s, shape)[position]) for s in sums], ports)
            assert [int(np.broadcast_to(m, shape)[position]) for m in messages] == expected
            for name, value in words.items():
                assert int(np.broadcast_to(value, shape)[position]) == neuron[name]


def test_backward_skip_is_refused():
    with pytest.raises(GraphError, match="not a label further down"):
        Interpreter((isa.Label("back"), isa.Skip("back")), (3,))


def test_words_have_any_name():
    """Those of places and constants, too: a name is not what the interpreter takes it for."""
    names = ["#5", "%r0", "@0", "!0", "=w", ""]
    r0 = isa.Register("r0")
    listing = [isa.Add(r0, isa.Accumulator(0), isa.Immediate(5))]
    listing += [isa.Add(isa.Word(n), isa.Word(n), r0) for n in names]
    listing += [isa.SkipUnless(r0, isa.Immediate(7), isa.Test.LESS, "end"), isa.Send(0, isa.Immediate(5))]
    listing += [isa.Label("end")]
    words = {name: np.array([100, 200]) for name in names}
    (sent,) = Interpreter(listing, (2,)).tick(words, [np.array([1, 2])])
    assert np.array_equal(sent, [5, 0])
    assert all(np.array_equal(words[name], [106, 207]) for name in names)
