"""Runs a graph of Lava processes with a deadline, names the process that failed, and leaves nothing behind.

Lava's own `run` waits for ever when a process raises, ends or hangs: its neighbours wait for messages, and the
runtime waits for them. So the graph is started without waiting, and the program polls for the answer, for processes
that ended and for the deadline. Whatever happens, all of the graph's processes are ended and its shared memory freed:
results come back through memory that the program owns (`shared_memory`).

Lava has no public way to see its processes; the private parts used here are those of the version
that `import_lava` demands.
"""

from __future__ import annotations

import compiler.lava.runtime.import_lava  # noqa: F401  # isort: skip  # opens Lava

import copyreg
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import NoReturn

from lava.magma.compiler.builders.py_builder import PyProcessBuilder
from lava.magma.compiler.executable import Executable
from lava.magma.core.process.message_interface_enum import ActorType
from lava.magma.core.process.process import AbstractProcess, ProcessServer
from lava.magma.core.process.variable import VarServer
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import RunConfig
from lava.magma.runtime.message_infrastructure.multiprocessing import MultiProcessing, SystemProcess
from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal
from lava.magma.runtime.runtime import Runtime

from compiler.lava.runtime.deadlock import stuck
from compiler.lava.runtime.orphans import ending_with_us
from compiler.lava.runtime.shared_memory import AnonymousMemory
from compiler.lava.runtime.targets import CPU
from hw_models.errors import LavaError

POLL_S = 0.002
GRACE_S = 0.5
"""How long a process may take to end when it is told to, before it is killed."""
PATIENCE_S = 10.0
"""How long the exception of a process may take to arrive once others have ended: longer than a busy machine needs."""

OUT_OF_MEMORY = "Something killed it: the system does so when memory is exhausted. Give fewer samples at once."


def run_graph(
    top: AbstractProcess,
    steps: int,
    *,
    deadline_s: float,
    watch: Callable[[], None] | None = None,
    run_config: RunConfig | None = None,
) -> float:
    """Run the graph to which `top` belongs for `steps` time steps; then it is gone. Returns the steps' seconds.

    `run_config` is the simulator's where none is given.
    `watch` is called while the graph runs. Raises `LavaError` that names the process which raised, ended or, where
    none did, says that the graph did not answer within `deadline_s` seconds. Ctrl-C ends the graph too.
    """
    executable = top.compile(run_config or CPU.run_config())
    runtime = Runtime(executable, ActorType.MultiProcessing)
    executable.assign_runtime_to_all_processes(runtime)
    names = names_of(executable)
    end = time.monotonic() + deadline_s
    resource_tracker.ensure_running()  # its first start would let Ctrl-C through again in the middle of the forks
    try:
        with interrupts_held(), ending_with_us():
            fork(runtime)
        wait(lambda: initialised(runtime), runtime, names, end, deadline_s)
        started = time.perf_counter()
        runtime.start(RunSteps(num_steps=steps, blocking=False))
        wait(lambda: _answered(runtime, watch), runtime, names, end, deadline_s)
        seconds = time.perf_counter() - started
        if not all([enum_equal(port.recv(), MGMT_RESPONSE.DONE) for port in runtime.service_to_runtime]):
            explain_failure(runtime, names)
        return seconds
    finally:
        with interrupts_held():
            end_graph(runtime)
            _forget(executable)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back: for a clean end, and because forked processes inherit it and then never see a Ctrl-C."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def short_exceptions() -> Iterator[None]:
    """What is forked here sends exceptions without their tracebacks, as Python does.

    Dask's tblib makes every process pickle them, too, call by call: a RecursionError would raise another one.
    """
    table = copyreg.dispatch_table
    long = {kind: how for kind, how in table.items() if issubclass(kind, BaseException)}
    for kind in long:
        del table[kind]
    try:
        yield
    finally:
        table.update(long)


def names_of(executable: Executable) -> list[str]:
    """The processes' names in the order in which Lava forks them: the graph's, then its own services."""
    names = [p.name for p, builder in executable.proc_builders.items() if isinstance(builder, PyProcessBuilder)]
    return names + ["Lava's runtime service"] * len(executable.runtime_service_builders or ())


def fork(runtime: Runtime) -> None:
    """`Runtime.initialize` without its wait for the processes, which has no end when one of them dies, and without a
    process that hands out shared memory."""
    runtime._build_watchdog_manager()
    runtime._messaging_infrastructure = infrastructure = MultiProcessing()
    infrastructure._smm = AnonymousMemory()  # type: ignore[assignment]  # all that it is asked for
    runtime._build_channels()
    runtime._build_sync_channels()
    with short_exceptions():
        runtime._build_processes()
        runtime._build_runtime_services()
    runtime._start_ports()
    runtime._is_initialized = True


def wait(done: Callable[[], bool], runtime: Runtime, names: list[str], end: float, deadline_s: float) -> None:
    """Until `done`; raises what a process has raised, or that time is up at `end` (of time.monotonic)."""
    while not done():
        check_processes(runtime, names)
        if time.monotonic() > end:
            raise _late(runtime, names, deadline_s)
        time.sleep(POLL_S)


def _late(runtime: Runtime, names: list[str], deadline_s: float) -> LavaError:
    found = stuck([(name, actor.pid) for name, actor in zip(names, actors(runtime), strict=True) if actor.pid])
    graph = f"a graph of {len(names)} processes"
    busy = "" if not found else "; all others wait for it" if len(found) == 1 else f"; {len(found)} processes are busy"
    return LavaError(
        "the Lava graph did not finish in time",
        where=found[0] if len(found) == 1 else graph,
        numbers=f"deadline {deadline_s:g} s, {graph}{busy}",
        advice="Give fewer samples, a later deadline, or on='lava-fused': the same integers, faster.",
    )


def initialised(runtime: Runtime) -> bool:
    """Whether all models were made: each process puts None, or what its model raised, into a queue of its own."""
    # The queue of a model that raised stays in the list: the process itself tells more, and `check_processes` reads it.
    runtime.exception_q = [q for q in runtime.exception_q if q.empty() or q.get() is not None]
    return not runtime.exception_q


def _answered(runtime: Runtime, watch: Callable[[], None] | None) -> bool:
    if watch is not None:
        watch()
    return all(port.probe() for port in runtime.service_to_runtime)


def actors(runtime: Runtime) -> list[SystemProcess]:
    """The graph's processes of the operating system, in the order of `names_of`."""
    infrastructure = runtime._messaging_infrastructure
    return list(infrastructure.actors) if isinstance(infrastructure, MultiProcessing) else []


def check_processes(runtime: Runtime, names: list[str]) -> None:
    """Raise what a process has raised, or that one has ended."""
    raise_exceptions(runtime, names)
    if not all(actor.is_alive() for actor in actors(runtime)):
        explain_failure(runtime, names)


def explain_failure(runtime: Runtime, names: list[str]) -> NoReturn:
    """Something has failed. Lava ends the other processes, with code 0, maybe before the exception of one arrives."""
    end = time.monotonic() + PATIENCE_S
    while True:
        codes = [(name, actor.exitcode) for name, actor in zip(names, actors(runtime), strict=True)]
        raise_exceptions(runtime, names)  # after the codes: whoever ended has said before what it raised
        killed = [(name, code) for name, code in codes if code]
        if killed or all(code is not None for _, code in codes) or time.monotonic() > end:
            break
        time.sleep(POLL_S)
    ended = killed or [(name, code) for name, code in codes if code is not None]
    if not ended:
        raise LavaError("a process of the Lava graph failed silently", where=", ".join(names))
    where, code = ended[0]
    advice = OUT_OF_MEMORY if code == -signal.SIGKILL else ""
    raise LavaError("a Lava process ended", where=where, numbers=f"exit code {code}", advice=advice)


def raise_exceptions(runtime: Runtime, names: list[str]) -> None:
    """Raise what a process has raised; an error of ours as it is."""
    for name, actor in zip(names, actors(runtime), strict=True):
        raised = actor.exception
        if raised is not None:
            if isinstance(raised[0], LavaError):  # of a process of ours, which says all
                raise raised[0]
            what = f"a Lava process raised {type(raised[0]).__name__}: {raised[0]}"
            raise LavaError(what, where=name, numbers=raised[1]) from raised[0]


def end_graph(runtime: Runtime) -> None:
    """End all processes of the graph and free its shared memory."""
    processes = actors(runtime)
    for actor in processes:
        if actor.is_alive():
            actor.terminate()
    end = time.monotonic() + GRACE_S
    for actor in processes:
        BaseProcess.join(actor, max(0.0, end - time.monotonic()))  # Lava's own join has no time-out
        if actor.is_alive():
            actor.kill()
            BaseProcess.join(actor)
    runtime.join()
    runtime._is_started = runtime._is_running = False
    infrastructure = runtime._messaging_infrastructure
    if isinstance(infrastructure, MultiProcessing):
        infrastructure.actors.clear()
    if runtime._watchdog_manager is not None:
        runtime._watchdog_manager.stop()


def _forget(executable: Executable) -> None:
    """Lava keeps every process that was ever made, with its arrays; ours are never run again."""
    processes = set(executable.proc_builders) | {p.parent_proc for p in executable.proc_builders}
    ProcessServer().processes = [p for p in ProcessServer().processes if p not in processes]
    VarServer().vars = [v for v in VarServer().vars if v.process not in processes]
