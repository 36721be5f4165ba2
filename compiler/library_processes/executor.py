"""The reference of networks of library processes, as an executor; and what all of them count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.interpreters.execution import Clip, Execution
from compiler.library_processes.process_graph import ProcessGraph
from compiler.library_processes.reference import prepare_processes
from compiler.running.executor import Executor, Runner, Shows
from compiler.running.interpreted import REFERENCE as INTERPRETED


def with_counts(network: ProcessGraph, done: Execution) -> Execution:
    """The same with the states that samples left beyond their ranges: they are read as the range's ends."""
    clips: dict[str, Clip] = {}
    for name, place in network.states.items():
        values = done.states[name]
        beyond = np.count_nonzero((values < place.low) | (values > place.high), axis=(0, 1))
        if beyond.any():
            clips[name] = Clip(beyond, values.min(axis=(0, 1)), values.max(axis=(0, 1)))
    return replace(done, saturations={n: int(c.counts.sum()) for n, c in clips.items()}, clips=clips)


def _prepare(network: ProcessGraph) -> Runner:
    run = prepare_processes(network)
    return lambda job: with_counts(network, run(job.x, job.state))


REFERENCE = Executor(
    INTERPRETED.name, "the processes in NumPy: the others are compared with it", _prepare, Shows.STATES, counts=True
)
