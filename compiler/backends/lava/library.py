"""Networks of Lava's library processes, run in Lava: its GradedReluVec, GradedVec, ProdNeuron, InvSqrt and Dense.

Only the host's two ends are ours. Each sequence has a graph of its own, which starts from silence; the run stops when
the last result is out, for a wave without its constants would mean nothing.
"""

from __future__ import annotations

import compiler.backends.lava.door  # noqa: F401  # isort: skip  # opens Lava

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.proc.dense.process import Dense, DelayDense
from lava.proc.graded.process import GradedReluVec, GradedVec, InvSqrt
from lava.proc.prodneuron.process import ProdNeuron
from lava.utils.weightutils import SignMode

from compiler.backends.execution import Array, Execution
from compiler.backends.lava.door import logging_kept
from compiler.backends.lava.guard import run_graph
from compiler.backends.lava.processes.host import Sink, Source
from compiler.backends.lava.records import Int32, SampleRows, shared
from compiler.library.network import CONSTANTS, Connection, Integers, Kind, LibraryNetwork, Population

MESSAGE_BITS = 24
START_S, TICK_S = 60.0, 5e-3
"""The estimated deadline: for the start, and for each tick of a process; some 20 times what an idle machine takes."""


def run_library(network: LibraryNetwork, x: Integers, deadline_s: float | None = None) -> Execution:
    """Run integers `x` (batch, time, features), each sequence in a graph of its own, from zeros.

    Raises `LavaError` that names the process which failed, or when the deadline has passed.
    """
    heard = [_sequence(network, sequence, deadline_s) for sequence in x]
    size = sum(p.size for p in network.populations.values() if p.kind is Kind.SINK)
    rows = np.stack(heard) if heard else np.zeros((0, x.shape[1], size), np.int64)
    states: dict[str, Array] = {}
    start = network.outputs
    for name, place in network.states.items():
        stop = start + place.stop - place.start
        states[name] = rows[:, :, start:stop]
        start = stop
    final = {n: s[:, -1] if s.shape[1] else np.zeros((len(x), s.shape[2]), np.int64) for n, s in states.items()}
    return Execution(rows[:, :, : network.outputs], states, {}, {}, dict(final))


def _sequence(network: LibraryNetwork, x: Integers, deadline_s: float | None) -> Integers:
    """What the sink hears for one sequence (time, features)."""
    time = len(x)
    sink_size = next(p.size for p in network.populations.values() if p.kind is Kind.SINK)
    if time == 0:
        return np.zeros((0, sink_size), np.int64)
    sent, heard, ticks = shared(time * network.repeat, network.features + len(CONSTANTS)), shared(time, sink_size), shared(1)
    sent[:, : network.features] = np.repeat(x, network.repeat, axis=0)
    sent[:, network.features :] = CONSTANTS
    with logging_kept():
        source = _graph(network, sent, heard, ticks)
    steps = network.latency + (time - 1) * network.ticks_per_sample + 1
    estimate = START_S + TICK_S * network.processes * steps
    run_graph(source, steps, deadline_s=estimate if deadline_s is None else deadline_s)
    return heard.astype(np.int64)


def _graph(network: LibraryNetwork, sent: Int32, heard: Int32, ticks: Int32) -> AbstractProcess:
    """Make and connect all processes; returns the source."""
    source = Source(rows=SampleRows(sent, 0, network.period))
    sink = Sink(rows=SampleRows(heard, network.latency, network.ticks_per_sample), ticks=ticks)
    outs: dict[str, list[OutPort]] = {Kind.SOURCE.value: [source.out]}
    ins: dict[str, list[list[InPort]]] = {Kind.SINK.value: [[sink.inp]]}
    for population in network.populations.values():
        if population.kind not in (Kind.SOURCE, Kind.SINK):
            neurons = _neurons(population)
            outs[population.name] = [n.s_out for n in neurons]
            ins[population.name] = [_inputs(n) for n in neurons]
    for connection in network.connections:
        for rows, columns in network.parts(connection):
            synapses = _synapses(connection, connection.weights[rows, columns])
            sources, targets = outs[connection.source], ins[connection.target]
            sources[columns.start if len(sources) > 1 else 0].connect(synapses.s_in)
            for port in connection.ports:
                synapses.a_out.connect(targets[rows.start if len(targets) > 1 else 0][port])
    return source


def _neurons(population: Population) -> list[GradedReluVec | GradedVec | ProdNeuron | InvSqrt]:
    """A population's process; InvSqrt is scalar, so roots are many. A threshold of 0 lets every message pass."""
    shape = (population.size,)
    if population.kind is Kind.HINGES:
        return [GradedReluVec(shape=shape, vth=0)]
    if population.kind is Kind.PRODUCTS:
        return [ProdNeuron(shape=shape, vth=0, exp=population.shift)]
    if population.kind is Kind.ROOTS:
        return [InvSqrt(shape=(1,)) for _ in range(population.size)]
    return [GradedVec(shape=shape, vth=0)]


def _inputs(process: GradedReluVec | GradedVec | ProdNeuron | InvSqrt) -> list[InPort]:
    return [process.a_in1, process.a_in2] if isinstance(process, ProdNeuron) else [process.a_in]


def _synapses(connection: Connection, weights: Integers) -> Dense | DelayDense:
    """The process of some of a connection's weights."""
    options = {
        "weights": weights,
        "weight_exp": connection.exponent,
        "num_weight_bits": 8,
        "sign_mode": SignMode.MIXED,
        "num_message_bits": MESSAGE_BITS,
        "name": connection.name,
    }
    if connection.delay == 0:
        return Dense(**options)
    return DelayDense(delays=np.full(weights.shape, connection.delay, int), max_delay=connection.delay, **options)
