"""The executors that interpret the integer graph itself: the reference, and the same ops without rounding."""

from __future__ import annotations

from compiler.interpreters.execution import prepare
from compiler.interpreters.reference import prepare_reference, run_prepared
from compiler.interpreters.unrounded import KERNELS
from compiler.running.executor import Compiled, Executor, Job, Runner


def _reference(net: Compiled) -> Runner:
    program = prepare_reference(net.proven.graph, narrow=net.proven.bits == 32)
    return lambda job: run_prepared(program, job.x, job.state, job.record)


def _floating(net: Compiled) -> Runner:
    program = prepare(net.proven.graph, KERNELS)

    def run(job: Job):
        return program.run(job.x, job.state, job.record)

    return run


REFERENCE = Executor(
    "reference", "the integer graph in NumPy: the others are compared with it", _reference, counts=True
)
FLOATING = Executor(
    "floating", "the integer graph's ops and constants, unrounded", _floating, integers=False, counts=True
)
