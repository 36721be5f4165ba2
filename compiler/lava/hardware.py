"""A network between the host's processes on a target with other delays than the simulator: Loihi 2.

What enters and leaves the chip passes adapters. How many ticks they take is documented as one in all (lava-nc 0.10.0,
tests/lava/proc/graded/test_graded.py), not where. So nothing here depends on it: the network starts some ticks late,
the host holds each sample as long, and it keeps every tick of the output and finds the results in them.
"""

from __future__ import annotations

from hw_models.arrays import Integers

from compiler.lava.runtime.import_lava import logging_kept  # isort: skip  # opens Lava

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from compiler.interpreters.execution import Execution
from compiler.lava.processes.host import Sink, Source
from compiler.lava.processes.nets import MappedNet
from compiler.lava.runtime.shared_memory import Int32, SampleRows, shared
from compiler.lava.runtime.supervise import run_graph
from compiler.lava.runtime.targets import MESSAGE_BITS, Target, loihi2, require_neuron_model
from compiler.mapping.mapped_network import MappedNetwork
from compiler.mapping.start_delay import starting_late
from hw_models.errors import LavaError

START_S, TICK_S = 600.0, 0.2
"""The estimated deadline: to compile for the chip and to get a board, and for each tick with its exchange."""
LATEST = 4
"""This many ticks a sample may enter late, and a result leave late."""


def run_loihi2(map_for: Callable[[int | None], MappedNetwork], x: Integers, expected: Integers) -> Execution:
    """Run integers `x` (batch, time, features) on Loihi 2, one sequence after another; outputs only.

    `expected` are the reference's outputs: by them the results are found in time, and no integer is taken from them.
    Host and chip exchange messages in every tick, which is slow: some 8 ms a tick in a notebook of Lava's.
    Raises `MissingExtraError` or `LavaError` where the chip cannot be reached.
    """
    target = loihi2()
    require_neuron_model()
    batch, time, _ = x.shape
    network = map_for(time if batch > 1 else None)
    if batch == 0 or time == 0:
        return Execution(np.zeros((batch, time, network.output_size), np.int64), {}, {}, {}, {})
    estimate = START_S + TICK_S * (network.latency + batch * time * network.ticks_per_sample)
    outputs = run_on(target, network, x.reshape(batch * time, -1), expected.reshape(batch * time, -1), estimate)
    return Execution(outputs.reshape(batch, time, -1), {}, {}, {}, {})


def run_on(target: Target, network: MappedNetwork, x: Integers, expected: Integers, deadline_s: float) -> Integers:
    """The outputs (time, outputs) of one sequence `x` (time, features); `expected` finds them among all ticks.

    Raises `LavaError` where the graph fails, or where no delay explains what arrived.
    """
    samples, period = len(x), network.ticks_per_sample
    waits = min(LATEST, period - 1)
    net = MappedNet(network=starting_late(network, waits))
    steps = waits + net.steps(samples) + LATEST
    inputs, arrived = shared(*x.shape), shared(steps, network.output_size)
    inputs[:] = x
    with logging_kept():
        source = Source(rows=SampleRows(inputs, 0, period, hold=waits + 1))
        sink = Sink(rows=SampleRows(arrived, 0, 1))
        enter = target.enter(source.out.shape) if target.enter else ()
        leave = target.leave(net.out.shape) if target.leave else ()
    ports = [source.out, *enter, net.inp, net.out, *leave, sink.inp]
    for sender, receiver in zip(ports[::2], ports[1::2], strict=True):
        sender.connect(receiver)  # an OutPort and an InPort, by turns
    run_graph(source, steps, deadline_s=deadline_s, run_config=target.run_config())
    return aligned(sign_extended(arrived), expected, waits + network.latency, period)


def sign_extended(arrived: Int32) -> Int32:
    """The chip sends 24 bits without their sign: the highest of them is the sign.

    >>> sign_extended(np.array([5, 2**24 - 1], np.int32))
    array([ 5, -1], dtype=int32)
    """
    unused = 32 - MESSAGE_BITS
    return (arrived << unused) >> unused


def aligned(arrived: npt.NDArray[np.integer], expected: Integers, latency: int, period: int) -> Integers:
    """The results among all ticks (ticks, outputs), which may be up to `LATEST` ticks later than `latency`.

    Between results the output carries 0, so a delay is possible where nothing is found off its ticks. Of several it is
    the one whose results are most often the `expected` ones (samples, outputs), those of the reference.

    >>> aligned(np.array([[0], [0], [7], [0], [0], [9], [0], [0]]), np.array([[7], [8]]), latency=1, period=3)
    array([[7],
           [9]])
    """
    sent = np.flatnonzero(np.any(arrived != 0, axis=1))
    found: list[Integers] = []
    for first in range(latency, latency + LATEST + 1):
        if np.all(sent >= first) and np.all((sent - first) % period == 0):
            found.append(arrived[first::period][: len(expected)].astype(np.int64))
    if not found:
        raise LavaError(
            "the chip's answers match no delay",
            numbers=f"results expected every {period} ticks from tick {latency}, up to {LATEST} ticks later; "
            f"nonzero at ticks {', '.join(map(str, sent[:8]))}",
        )
    return max(found, key=lambda results: int(np.all(results == expected, axis=1).sum()))
