"""Networks of Lava's library processes, run in Lava: its GradedReluVec, GradedVec, ProdNeuron, InvSqrt and Dense.

Only the host's two ends are ours, and the CPU model of InvSqrt. Each sequence has a graph of its own, which starts
from silence. The source goes on until the last result is out: an iteration without its constants would mean nothing.
"""

from __future__ import annotations

import compiler.lava.runtime.import_lava  # noqa: F401  # isort: skip  # opens Lava

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.run_configs import Loihi2SimCfg, RunConfig
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.graded.process import GradedReluVec, GradedVec, InvSqrt
from lava.proc.prodneuron.process import ProdNeuron
from lava.utils.weightutils import SignMode

from compiler.interpreters.execution import Execution
from compiler.lava.processes.host import Sink, Source
from compiler.lava.processes.inverse_sqrt import PyRootsModel
from compiler.lava.runtime.import_lava import logging_kept
from compiler.lava.runtime.shared_memory import SampleRows, shared
from compiler.lava.runtime.supervise import run_graph
from compiler.library_processes.process_graph import CONSTANTS, Kind, ProcessConnection, ProcessGraph, ProcessPopulation
from hw_models.arrays import Integers

MESSAGE_BITS = 24
START_S, TICK_S = 60.0, 5e-3
"""The estimated deadline: for the start, and for each tick of a process; some 20 times what an idle machine takes."""


def run_library(network: ProcessGraph, x: Integers, deadline_s: float | None = None) -> Execution:
    """Run integers `x` (batch, time, features), each sequence in a graph of its own, from zeros.

    Raises `LavaError` that names the process which failed, or when the deadline has passed.
    """
    return as_execution(network, [_sequence(network, sequence, deadline_s) for sequence in x], x)


def as_execution(network: ProcessGraph, received: list[Integers], x: Integers) -> Execution:
    """Outputs and states in what the sink received for each sequence of `x`."""
    rows = np.stack(received) if received else np.zeros((0, x.shape[1], network.sink.size), np.int64)
    states = {name: rows[:, :, own] for name, own in network.received_states.items()}
    final = {n: s[:, -1] if s.shape[1] else np.zeros((len(x), s.shape[2]), np.int64) for n, s in states.items()}
    return Execution(rows[:, :, : network.outputs], states, {}, {}, dict(final))


def _sequence(network: ProcessGraph, x: Integers, deadline_s: float | None) -> Integers:
    """What the sink receives for one sequence (time, features)."""
    time = len(x)
    if time == 0:
        return np.zeros((0, network.sink.size), np.int64)
    received = shared(time, network.sink.size)
    with logging_kept():
        source = Source(rows=iterations(network, x))
        sink = Sink(rows=SampleRows(received, network.latency, network.ticks_per_sample))
        connect(network, source.out, sink.inp)
    steps = network.latency + (time - 1) * network.ticks_per_sample + 1
    estimate = START_S + TICK_S * network.processes * steps
    run_graph(source, steps, deadline_s=estimate if deadline_s is None else deadline_s, run_config=simulator())
    return received.astype(np.int64)


def simulator() -> RunConfig:
    """Lava's fixed-point models on this machine, and ours of InvSqrt."""
    return Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map={InvSqrt: PyRootsModel})


def iterations(network: ProcessGraph, x: Integers, later: int = 0) -> SampleRows:
    """What the source sends for `x` (time, features): a row an iteration, until results `later` are out, too."""
    time = len(x)
    late = -(-(network.sink.level + later) // network.period)  # iterations that begin before the last result is out
    sent = shared(time * network.repeat + late, network.features + len(CONSTANTS))
    sent[: time * network.repeat, : network.features] = np.repeat(x, network.repeat, axis=0)
    sent[time * network.repeat :, : network.features] = x[-1]
    sent[:, network.features :] = CONSTANTS
    return SampleRows(sent, 0, network.period)


def connect(network: ProcessGraph, entering: OutPort, leaving: InPort) -> None:
    """Make all processes of the network, between where its messages enter and where they leave."""
    outs: dict[str, OutPort] = {Kind.SOURCE.value: entering}
    ins: dict[str, list[InPort]] = {Kind.SINK.value: [leaving]}
    for population in network.populations.values():
        if population.kind not in (Kind.SOURCE, Kind.SINK):
            neurons = _neurons(population)
            outs[population.name] = neurons.s_out
            ins[population.name] = [neurons.a_in1, neurons.a_in2] if isinstance(neurons, ProdNeuron) else [neurons.a_in]
    for connection in network.connections:
        synapses = _synapses(connection)
        outs[connection.source].connect(synapses.s_in)
        for port in connection.ports:
            synapses.a_out.connect(ins[connection.target][port])


def _neurons(population: ProcessPopulation) -> GradedReluVec | GradedVec | ProdNeuron | InvSqrt:
    """A population's process. A threshold of 0 lets every message pass."""
    shape = (population.size,)
    if population.kind is Kind.HINGES:
        return GradedReluVec(shape=shape, vth=0)
    if population.kind is Kind.PRODUCTS:
        return ProdNeuron(shape=shape, vth=0, exp=population.shift)
    if population.kind is Kind.ROOTS:
        return InvSqrt(shape=shape)
    return GradedVec(shape=shape, vth=0)


def _synapses(connection: ProcessConnection) -> Dense | DelayDense:
    """A connection's process. The sign mode is given, never left to Lava to find."""
    options = {
        "weights": connection.weights,
        "weight_exp": connection.exponent,
        "num_weight_bits": 8,
        "sign_mode": SignMode.MIXED,
        "num_message_bits": MESSAGE_BITS,
        "name": connection.name,
    }
    if connection.delay == 0:
        return Dense(**options)
    delays = np.full(connection.weights.shape, connection.delay, int)
    return DelayDense(delays=delays, max_delay=connection.delay, **options)
