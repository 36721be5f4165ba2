"""Whole networks between a user's own processes: the contract of `MappedNet` and `FusedNet`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hw_models.arrays import Integers
from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.graded.process import GradedVec
from lava.proc.io.sink import RingBuffer as Receiver
from lava.proc.io.source import RingBuffer as Sender
from lava.proc.monitor.process import Monitor

from compiler.lava.processes.fused import FusedNet
from compiler.lava.processes.nets import MappedNet, Net
from compiler.mapping.mapped_network import MappedNetwork

pytestmark = pytest.mark.timeout(60)
MapFor = Callable[[int | None], MappedNetwork]
Expected = Callable[[Integers, Integers], tuple[Integers, Integers]]
SAMPLES = 12


def wired(net: Net, x: Integers) -> Receiver:
    """A user's graph of stock processes: `x` (samples, size) goes in once a sample, all that comes out is kept."""
    ticks = net.steps(len(x))
    data = np.full((x.shape[1], ticks), 99)  # what is there at other ticks must not matter
    data[:, : len(x) * net.ticks_per_sample : net.ticks_per_sample] = x.T
    sender, receiver = Sender(data=data), Receiver(shape=net.out.shape, buffer=ticks)
    sender.s_out.connect(net.inp)
    net.out.connect(receiver.a_in)
    return receiver


@pytest.fixture
def x() -> Integers:
    return np.random.default_rng(1).integers(-2000, 2000, (SAMPLES, 3))


def test_mapped_in_a_graph_of_stock_processes(integrator: MapFor, expected: Expected, x: Integers) -> None:
    net = MappedNet(network=integrator(None))
    assert (net.ticks_per_sample, net.latency, net.reset_interval) == (2, 2, None)
    receiver, monitor = wired(net, x), Monitor()
    var = net.state_vars["rnn.v"].var
    monitor.probe(var, net.steps(SAMPLES))
    net.run(RunSteps(num_steps=net.steps(SAMPLES)), Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        out = receiver.data.get().T
        seen = monitor.get_data()[net.name][var.name]
        last = net.state_vars["rnn.v"].get()
        net.state_vars["rnn.v"].set([1, -2, 3, -4])
        after = net.state_vars["rnn.v"].get()
    finally:
        net.stop()
    outputs, states = expected(x, np.zeros(4, np.int64))
    assert np.array_equal(out[net.latency :: 2], outputs)
    assert not out[1::2].any()
    assert not out[: net.latency].any()
    assert np.array_equal(seen[1::2][:SAMPLES], states)
    assert np.array_equal(last, states[-1])
    assert after.tolist() == [1, -2, 3, -4]


@pytest.mark.parametrize("interval", [1, 5])
@pytest.mark.parametrize("kind", [MappedNet, FusedNet])
def test_it_resets_itself(
    integrator: MapFor, expected: Expected, x: Integers, kind: type[MappedNet | FusedNet], interval: int
) -> None:
    net = kind(network=integrator(interval), reset_interval=interval)
    receiver = wired(net, x)
    net.run(RunSteps(num_steps=net.steps(SAMPLES)), Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        out = receiver.data.get().T
    finally:
        net.stop()
    parts = [expected(x[k : k + interval], np.zeros(4, np.int64))[0] for k in range(0, SAMPLES, interval)]
    assert net.reset_interval == interval
    assert np.array_equal(out[net.latency :: net.ticks_per_sample], np.concatenate(parts))


@pytest.mark.parametrize("fused", [False, True])
def test_states_set_between_runs_are_used(integrator: MapFor, expected: Expected, x: Integers, fused: bool) -> None:
    net = FusedNet(network=integrator(None)) if fused else MappedNet(network=integrator(None))
    receiver = wired(net, x)
    start = np.array([500, -70000, 3, 2**20])
    net.run(RunSteps(num_steps=4 * net.ticks_per_sample), Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        net.state_vars["rnn.v"].set(start)
        net.run(RunSteps(num_steps=net.steps(SAMPLES) - 4 * net.ticks_per_sample))
        out = receiver.data.get().T
    finally:
        net.stop()
    outputs, _ = expected(x[4:], start)
    assert np.array_equal(out[net.latency :: net.ticks_per_sample][4:], outputs)


def test_steps(integrator: MapFor) -> None:
    net = MappedNet(network=integrator(None))
    assert [net.steps(n) for n in (0, 1, 2)] == [0, 3, 5]


@pytest.mark.parametrize("lanes", [1, 3])
def test_fused_in_a_graph_of_stock_processes(integrator: MapFor, expected: Expected, lanes: int) -> None:
    x = np.random.default_rng(2).integers(-2000, 2000, (SAMPLES, 3, lanes))
    net = FusedNet(network=integrator(None), lanes=lanes)
    assert (net.ticks_per_sample, net.inp.shape, net.out.shape) == (1, (3 * lanes,), (3 * lanes,))
    receiver = wired(net, x.reshape(SAMPLES, -1))
    net.run(RunSteps(num_steps=SAMPLES), Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        last = net.state_vars["rnn.v"].get().reshape(4, lanes)
        net.run(RunSteps(num_steps=net.latency))
        out = receiver.data.get().T.astype(np.int64)
    finally:
        net.stop()
    assert not out[: net.latency].any()
    for lane in range(lanes):
        outputs, states = expected(x[:, :, lane], np.zeros(4, np.int64))
        assert np.array_equal(out[net.latency :].reshape(SAMPLES, 3, lanes)[:, :, lane], outputs)
        assert np.array_equal(last[:, lane], states[-1])


@pytest.mark.parametrize("fused", [False, True])
def test_a_loop_of_the_users_does_not_wait_for_ever(
    integrator: MapFor, expected: Expected, x: Integers, fused: bool
) -> None:
    net = FusedNet(network=integrator(None)) if fused else MappedNet(network=integrator(None))
    receiver = wired(net, x)
    back = GradedVec(shape=(3,), vth=0)  # receives and sends in the same tick
    net.out.connect(back.a_in)
    back.s_out.connect(net.inp)
    net.run(RunSteps(num_steps=net.steps(SAMPLES)), Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        out = receiver.data.get().T
    finally:
        net.stop()
    v, fed = np.zeros(4, np.int64), np.zeros(3, np.int64)
    for k in range(SAMPLES):
        outputs, states = expected(x[k : k + 1] + fed, v)
        v, fed = states[0], outputs[0]
        assert np.array_equal(out[net.latency + k * net.ticks_per_sample], fed)


def test_populations_with_similar_names_have_vars_of_their_own(integrator: MapFor) -> None:
    one = integrator(None).populations[0]
    names = ("a.v", "a_v", "3 v")
    populations = tuple(replace(one, name=n, states={n: "v"}) for n in names)
    net = MappedNet(network=replace(integrator(None), populations=populations, connections=(), monitors=()))
    assert sorted(net.vars.member_names) == ["states_3_v", "states_a_v", "states_a_v_"]
    assert all(net.state_vars[n].get().tolist() == [0, 0, 0, 0] for n in names)
