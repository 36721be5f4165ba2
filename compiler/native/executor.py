"""`on="native"`: the integer graph as machine code of this CPU. This does not import llvmlite."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from compiler.executors.execution import Execution
from compiler.native.kernel import ARGUMENTS, kernel
from compiler.native.lookup import Machine
from compiler.ranges.proven import Proven
from compiler.running.executor import Compiled, Executor, Job, Runner
from compiler.running.extra import NATIVE as PACKAGES

if TYPE_CHECKING:
    from compiler.native.call import Call

FEW = 2
"""Up to so many sequences run one after another, with vectors along their elements"""


def prepare_native(proven: Proven, cpu: Machine | None = None, few: int = FEW) -> Runner:
    """An integer graph, ready to be compiled: for sequences side by side, or for up to `few` one after another.

    `cpu` is what the code may use of it, by default all that this one has.
    """
    from compiler.native.build import function, machine
    from compiler.native.call import Call

    shape = machine() if cpu is None else cpu
    ready: dict[tuple[bool, tuple[str, ...]], Call] = {}

    def run(job: Job) -> Execution:
        wanted = len(job.x) <= few, tuple(dict.fromkeys(job.record))
        if wanted not in ready:
            code = kernel(proven, shape, wanted[1], along=wanted[0])
            ready[wanted] = Call(code, function(code.text, len(ARGUMENTS)))
        return ready[wanted].run(job.x, job.state, _cpus() if job.threads is None else job.threads)

    return run


def _cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _prepare(net: Compiled) -> Runner:
    return prepare_native(net.proven)


NATIVE = Executor(
    "native",
    "the integer graph as machine code of this CPU",
    _prepare,
    counts=True,
    needs=PACKAGES,
    compiles=True,
    part=256,
)
