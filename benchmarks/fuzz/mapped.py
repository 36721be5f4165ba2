"""A mapped network, executed tick by tick, must return what the reference returns."""

from __future__ import annotations

import numpy as np

from benchmarks.fuzz.graphs import SMALL
from compiler.graph import IntegerGraph
from compiler.interpreters.reference import prepare_reference, run_prepared
from compiler.mapping import MappedNetwork
from compiler.simulator.machine import Machine


def assert_mapped_equals(
    graph: IntegerGraph, net: MappedNetwork, x: np.ndarray, interval: int | None = None, given: dict | None = None
) -> None:
    """Outputs and states of every sample of `x` (batch, time, features), and nothing at the output between samples.

    The input carries noise where no sample enters. States start from `given` (batch, size), and again after each
    `interval` samples.
    """
    lanes, samples, features = x.shape
    every = interval or samples
    program = prepare_reference(graph)
    runs = [run_prepared(program, x[:, k : k + every], None if k else given) for k in range(0, samples, every)]
    outputs = np.concatenate([run.outputs for run in runs], 1)
    states = {s.name: np.concatenate([run.states[s.name] for run in runs], 1) for s in graph.states}
    machine = Machine(net, lanes, {name: state.T for name, state in (given or {}).items()})
    period = net.ticks_per_sample
    last = (samples - 1) * period + max([net.latency, *(p.tick for p in net.monitors)])
    rng = np.random.default_rng(1)
    entering = rng.integers(-SMALL, SMALL, (last + period, features, lanes)).astype(np.int32)
    entering[: samples * period : period] = x.transpose(1, 2, 0)
    seen = 0
    for tick in range(last + 1):
        sent = machine.tick(entering[tick])
        k, off = divmod(tick + 1 - net.latency, period)
        if off or k < 0:
            assert not np.any(sent), f"output at tick {tick}"
        elif k < samples:
            assert np.array_equal(np.broadcast_to(sent, outputs[:, k].T.shape), outputs[:, k].T), f"sample {k}"
            seen += 1
        for monitor in net.monitors:
            k, off = divmod(tick - monitor.tick, period)
            if not off and 0 <= k < samples:
                expected = states[monitor.state][:, k].T
                assert np.array_equal(machine.states[monitor.state], expected), f"{monitor.state} after sample {k}"
                seen += 1
    assert seen == samples * (1 + len(graph.states))
