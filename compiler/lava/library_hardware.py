"""A network of library processes between the host's two ends on Loihi 2, whose adapters take ticks of their own.

Its iterations may begin at any tick, for nothing in it counts ticks; so they begin at any, and the host keeps every
tick of what comes back and finds the results in it: see `hardware`.
"""

from __future__ import annotations

from hw_models.arrays import Integers

from compiler.lava.runtime.import_lava import logging_kept  # isort: skip  # opens Lava

import numpy as np

from compiler.interpreters.execution import Execution
from compiler.lava.hardware import LATEST, START_S, TICK_S, sign_extended
from compiler.lava.library_run import as_execution, connect, iterations
from compiler.lava.processes.host import Sink, Source
from compiler.lava.runtime.shared_memory import Int32, SampleRows, shared
from compiler.lava.runtime.supervise import run_graph
from compiler.lava.runtime.targets import Target, loihi2
from compiler.library_processes.process_graph import ProcessGraph
from hw_models.errors import LavaError

ADAPTERS = 2 * LATEST
"""This many ticks the way in and the way out may take together."""


def run_library_loihi2(network: ProcessGraph, x: Integers, expected: Integers) -> Execution:
    """Run integers `x` (batch, time, features), each sequence in a graph of its own, from silence.

    `expected` (batch, time, outputs and states) is what the reference's sink receives: by it the results are found in
    time, and no integer is taken from it. Raises `MissingExtraError` or `LavaError` where the chip cannot be reached.
    """
    target = loihi2()
    received = [run_library_on(target, network, *pair) for pair in zip(x, expected, strict=True)]
    return as_execution(network, received, x)


def run_library_on(
    target: Target, network: ProcessGraph, x: Integers, expected: Integers, deadline_s: float | None = None
) -> Integers:
    """What the sink receives for one sequence `x` (time, features).

    Raises `LavaError` where the graph fails, or where no delay explains what arrived.
    """
    if len(x) == 0:
        return np.zeros((0, network.sink.size), np.int64)
    steps = network.latency + (len(x) - 1) * network.ticks_per_sample + 1 + ADAPTERS
    arrived = shared(steps, network.sink.size)
    with logging_kept():
        source = Source(rows=iterations(network, x, ADAPTERS))
        sink = Sink(rows=SampleRows(arrived, 0, 1))
        entering, leaving = source.out, sink.inp
        if target.enter is not None:
            inp, entering = target.enter(source.out.shape)
            source.out.connect(inp)
        if target.leave is not None:
            leaving, out = target.leave(sink.inp.shape)
            out.connect(sink.inp)
        connect(network, entering, leaving)
    estimate = START_S + TICK_S * steps
    run_graph(source, steps, deadline_s=estimate if deadline_s is None else deadline_s, run_config=target.run_config())
    return found(sign_extended(arrived), expected, network)


def found(arrived: Int32, expected: Integers, network: ProcessGraph) -> Integers:
    """The results among all ticks (ticks, size): at the delay that makes most rows the `expected` ones (samples, size).

    States leave after every iteration, so silence shows nothing; where no row is as expected, nothing does.
    """
    rows = [
        arrived[network.latency + late :: network.ticks_per_sample][: len(expected)] for late in range(ADAPTERS + 1)
    ]
    equal = [int(np.all(r == expected, axis=1).sum()) for r in rows]
    if not max(equal):
        raise LavaError(
            "the chip's answers match no delay",
            numbers=f"none of {len(expected)} results is the reference's, at none of {ADAPTERS + 1} delays",
            advice="Run it on 'lava' and 'reference': they compute the same integers.",
        )
    return rows[int(np.argmax(equal))].astype(np.int64)
