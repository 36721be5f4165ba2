"""Leaky integrate-and-fire neurons, beside Lava's own."""

import numpy as np
import pytest
import torch
from cell_test import CellTest, sequences

import ltc2neuro
from hw_models.errors import InputError
from ltc2neuro.extras import LAVA
from ltc2neuro.nn import LIF
from ltc2neuro.tracing import trace


class TestLIF(CellTest):
    kind, floor, options, du = LIF, 15, {"vth": 0.3}, 1.0

    def step(self, p, x, state, elapsed):
        u, v = state
        u = (1 - self.du) * u + p["inputs.weight"] @ x
        v = 0.9 * v + u + p["bias"]
        spikes = v > 0.3
        return spikes.astype(float), [u, np.where(spikes, 0.0, v)]


class TestSlowCurrent(TestLIF):
    options, du = {"vth": 0.3, "du": 0.3}, 0.3


@pytest.mark.parametrize(
    ("du", "dv", "growing"), [(1.0, 0.1, ()), (1.0, 0.0, ("v",)), (0.0, 0.1, ("u", "v")), (1.0, 1.0, ())]
)
def test_what_does_not_leak_is_warned_of(du, dv, growing):
    assert trace(LIF(3, 4, du=du, dv=dv), sequences(3)).growing == growing


@pytest.mark.parametrize("leaks", [{"du": 1.5}, {"dv": -0.1}, {"dv": float("nan")}])
def test_leaks_that_are_none(leaks):
    with pytest.raises(InputError, match=r"the leaks of a neuron|dv must be a finite number"):
        LIF(3, 4, **leaks)


def lava_spikes(x, weights, select, **parameters):
    """What `lava.proc.lif` spikes, (time, neurons), for inputs `x` (time, features)."""
    from compiler.lava.runtime.import_lava import logging_kept

    with logging_kept():
        from lava.magma.core.run_conditions import RunSteps
        from lava.magma.core.run_configs import Loihi2SimCfg
        from lava.proc.dense.process import Dense
        from lava.proc.io.sink import RingBuffer as Receiver
        from lava.proc.io.source import RingBuffer as Sender
        from lava.proc.lif import process as lava_lif

        delay = 1  # a Dense hands on in the next tick what it gets
        steps = len(x) + delay
        sender = Sender(data=np.pad(x.T, ((0, 0), (0, delay))))
        dense = Dense(weights=weights, num_message_bits=24)
        lif, receiver = lava_lif.LIF(shape=(len(weights),), **parameters), Receiver(shape=(len(weights),), buffer=steps)
        sender.s_out.connect(dense.s_in)
        dense.a_out.connect(lif.a_in)
        lif.s_out.connect(receiver.a_in)
        lif.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag=select))
        try:
            return receiver.data.get().T[delay:]
        finally:
            lif.stop()


def drawn_network():
    rng = np.random.default_rng(0)
    x, weights = rng.integers(0, 4, size=(40, 3)), 2 * rng.integers(-12, 20, size=(6, 3))
    return x, weights


def test_its_integers_spike_as_lavas_own():
    """Without a leak, and with whole weights, both are exact: bit for bit."""
    if LAVA.missing():
        pytest.skip("lava-nc is not installed")
    x, weights = drawn_network()
    layer = LIF(3, 6, du=1.0, dv=0.0, vth=31.0)
    with torch.no_grad():
        layer.cell.inputs.weight.copy_(torch.from_numpy(weights))
    with pytest.warns(UserWarning, match="v may grow"):
        spikes = ltc2neuro.compile(layer, x[None].astype(float))(x[None].astype(float))
    assert 0.1 < np.mean(spikes) < 0.9
    theirs = lava_spikes(x, weights, "fixed_pt", du=4095, dv=0, vth=31)
    assert np.array_equal(theirs, spikes[0])


def test_its_floats_spike_as_lavas_own():
    """With a leak and a slow current."""
    if LAVA.missing():
        pytest.skip("lava-nc is not installed")
    x, weights = drawn_network()
    layer = LIF(3, 6, du=0.6, dv=0.25, vth=31.0).double()
    with torch.no_grad():
        layer.cell.inputs.weight.copy_(torch.from_numpy(weights))
        spikes = layer(torch.from_numpy(x[None]).double())[0][0].numpy()
    theirs = lava_spikes(x.astype(float), weights.astype(float), "floating_pt", du=0.6, dv=0.25, vth=31.0)
    assert 0.1 < np.mean(spikes) < 0.9
    assert np.array_equal(theirs, spikes)
