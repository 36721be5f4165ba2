"""Runs a mapped network in Lava: the integers of all outputs, and of all states after each sample.

*Mapped*: the sequences of a batch run one after another in one graph, whose reset sections start each anew. Where
states are given, each sequence has a graph of its own that starts from them. *Fused*: one process, one tick a sample,
the sequences side by side as lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from compiler.interpreters.execution import Execution
from compiler.lava.processes.fused import FusedNet
from compiler.lava.processes.host import Sink, Source
from compiler.lava.processes.nets import MappedNet, Net
from compiler.lava.runtime.import_lava import logging_kept
from compiler.lava.runtime.shared_memory import SampleRows, shared
from compiler.lava.runtime.supervise import run_graph
from compiler.mapping.mapped_network import MappedNetwork
from hw_models.arrays import Array, Integers

START_S, TICK_S, OPERATION_S = 60.0, 2e-3, 1e-7
"""The estimated deadline: for the start, for each tick of a process, for each element of a fused instruction; some
20 times what an idle machine takes."""


def run_lava(
    map_for: Callable[[int | None], MappedNetwork],
    x: Integers,
    state: Mapping[str, Array] | None = None,
    *,
    fused: bool = False,
    deadline_s: float | None = None,
) -> Execution:
    """Run integers `x` (batch, time, features) from `state` ({name: (batch, size)}) or the initial one.

    `map_for(reset_interval)` maps the network, for `fused` without overlap of its samples. `deadline_s` holds for
    each graph; without one it is estimated, generously. Outputs and states are integers; saturations are not counted
    and no value is recorded. Raises `LavaError` that names the process which failed, or when the deadline has passed.
    """
    batch, time, _ = x.shape
    if batch == 0 or time == 0:
        return _nothing(map_for(None), batch, time, state)
    if fused:
        outputs, states = _fused(map_for(None), x, state, deadline_s)
    elif state is None:
        outputs, states = _mapped(map_for(time if batch > 1 else None), x, deadline_s)
    else:
        network = map_for(None)
        runs = [_mapped(_starting(network, state, i), x[i : i + 1], deadline_s) for i in range(batch)]
        outputs = np.concatenate([o for o, _ in runs])
        states = {name: np.concatenate([s[name] for _, s in runs]) for name in state}
    return Execution(outputs, {**states}, {}, {}, {name: s[:, -1] for name, s in states.items()})


def _nothing(network: MappedNetwork, batch: int, time: int, state: Mapping[str, Array] | None) -> Execution:
    """The result where there is nothing to run: states stay as they are."""
    final: dict[str, Array] = dict(state) if state is not None else {}
    if state is None:
        for p in network.populations:
            for name, word in p.states.items():
                final[name] = np.broadcast_to(np.asarray(p.words[word], np.int64), (batch, p.size))
    states = {name: np.zeros((batch, time, s.shape[1]), np.int64) for name, s in final.items()}
    return Execution(np.zeros((batch, time, network.output_size), np.int64), dict(states), {}, {}, final)


def _starting(network: MappedNetwork, state: Mapping[str, Array], row: int) -> MappedNetwork:
    """The network whose states start as in one row of `state`."""
    populations = []
    for p in network.populations:
        given: dict[str, Integers] = {word: state[name][row].astype(np.int64) for name, word in p.states.items()}
        populations.append(replace(p, words={**p.words, **given}))
    return replace(network, populations=tuple(populations))


def _mapped(network: MappedNetwork, x: Integers, deadline_s: float | None) -> tuple[Integers, dict[str, Integers]]:
    """Sequences one after another: outputs (batch, time, outputs), and states alike."""
    batch, time, features = x.shape
    sizes = {p.name: p.size for p in network.populations}
    rows = {
        m.state: SampleRows(shared(batch * time, sizes[m.population]), m.tick, network.ticks_per_sample)
        for m in network.monitors
    }
    net = MappedNet(network=network, rows=rows)
    processes = len(network.populations) + len(network.connections) + 2
    estimate = START_S + TICK_S * processes * net.steps(batch * time)
    deadline_s = estimate if deadline_s is None else deadline_s
    outputs = _drive(net, x.reshape(batch * time, features), rows, deadline_s)
    return (
        outputs.reshape(batch, time, -1).astype(np.int64),
        {name: r.values.reshape(batch, time, -1).astype(np.int64) for name, r in rows.items()},
    )


def _fused(
    network: MappedNetwork, x: Integers, state: Mapping[str, Array] | None, deadline_s: float | None
) -> tuple[Integers, dict[str, Integers]]:
    """Sequences side by side: outputs (batch, time, outputs), and states alike."""
    lanes, time, features = x.shape
    sizes = {name: p.size for p in network.populations for name in p.states}
    rows = {name: SampleRows(shared(time, size * lanes), 0, 1) for name, size in sizes.items()}
    initial = None if state is None else {name: np.asarray(state[name], np.int64).T for name in sizes}
    net = FusedNet(network=network, lanes=lanes, initial=initial, rows=rows)
    operations = sum(p.size * len(p.listing) for p in network.populations) * network.ticks_per_sample
    tick = TICK_S * network.ticks_per_sample * len(network.populations) + OPERATION_S * operations * lanes
    flat = x.transpose(1, 2, 0).reshape(time, features * lanes)
    estimate = START_S + tick * time
    outputs = _drive(net, flat, rows, estimate if deadline_s is None else deadline_s)

    def unfold(values: npt.NDArray[np.int32]) -> Integers:
        return values.reshape(time, -1, lanes).transpose(2, 0, 1).astype(np.int64)

    return unfold(outputs), {name: unfold(r.values) for name, r in rows.items()}


def _drive(net: Net, x: Integers, rows: Mapping[str, SampleRows], deadline_s: float) -> npt.NDArray[np.int32]:
    """Put `net` between a source of `x` (samples, size) and a sink, and run it; returns (samples, output size)."""
    samples, period = len(x), net.ticks_per_sample
    inputs, outputs = shared(*x.shape), shared(samples, net.out.shape[0])
    inputs[:] = x
    with logging_kept():
        source = Source(rows=SampleRows(inputs, 0, period))
        sink = Sink(rows=SampleRows(outputs, net.latency, period))
    source.out.connect(net.inp)
    net.out.connect(sink.inp)
    last_monitor = max((r.first for r in rows.values()), default=0)
    steps = max(net.steps(samples), last_monitor + (samples - 1) * period + 1)
    run_graph(source, steps, deadline_s=deadline_s)
    return outputs
