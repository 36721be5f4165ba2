"""A runtime for graphs that users run themselves: it ends in an error where Lava's own waits for ever.

`watch` is called with the runtime that Lava gives to a process of ours before it starts the graph, whichever process
of the graph the user has called. See `supervise` for what can fail, and for the private parts of Lava that are used.
"""

from __future__ import annotations

import compiler.lava.runtime.import_lava  # noqa: F401  # isort: skip  # opens Lava

import atexit
import math
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing import resource_tracker
from queue import Empty

import numpy as np
from lava.magma.compiler.builders.py_builder import PyProcessBuilder
from lava.magma.compiler.channels.pypychannel import CspRecvPort
from lava.magma.core.run_conditions import AbstractRunCondition
from lava.magma.runtime.mgmt_token_enums import MGMT_COMMAND, MGMT_RESPONSE, enum_equal
from lava.magma.runtime.runtime import Runtime
from lava.magma.runtime.runtime_services.runtime_service import LoihiPyRuntimeService

from compiler.lava.runtime import supervise
from compiler.lava.runtime.orphans import ending_with_us
from hw_models.errors import LavaError

WAIT_S = 0.02
"""How long to wait for an answer before looking whether a process has failed."""


def watch(runtime: Runtime | None) -> None:
    """Make a runtime that has not started a `WatchedRuntime`; one that drives other than Python processes stays."""
    if type(runtime) is Runtime:
        builders = (runtime._executable.proc_builders or {}).values()
        if not runtime._is_initialized and all(isinstance(b, PyProcessBuilder) for b in builders):
            runtime.__class__ = WatchedRuntime
            for service in (runtime._executable.runtime_service_builders or {}).values():
                if service.rs_class is LoihiPyRuntimeService:
                    service.rs_class = ResumingService


class ResumingService(LoihiPyRuntimeService):
    """Goes on after a pause: Lava's own stays in the belief that it pauses, and tells nobody when a run is done."""

    def _handle_pause(self) -> None:
        super()._handle_pause()
        self.pausing = False


def _end_at_exit(reference: weakref.ref[WatchedRuntime]) -> None:
    """Python waits for processes that a program has forgotten, and Lava's never end by themselves."""
    runtime = reference()
    if runtime is not None:
        runtime.end()


class WatchedRuntime(Runtime):
    """Raises `LavaError` that names the process which failed; then the whole graph has ended, and stays so."""

    failure: LavaError | None = None
    ended = False

    def initialize(self, node_cfg_idx: int = 0) -> None:
        """Fork the processes and wait until their models are made."""
        resource_tracker.ensure_running()
        atexit.register(_end_at_exit, weakref.ref(self))
        with self._ending():
            # Linux ends children with the thread that forked them: with the program, where that is its main one.
            whole = threading.current_thread() is threading.main_thread()
            with supervise.interrupts_held(), ending_with_us() if whole else nullcontext():
                supervise.fork(self)
            supervise.wait(lambda: supervise.initialised(self), self, self._names(), math.inf, math.inf)

    def start(self, run_condition: AbstractRunCondition) -> None:
        """Run."""
        self._refuse_ended()
        with self._ending():
            super().start(run_condition)

    def pause(self) -> None:
        """Pause a run that was started without waiting."""
        self._refuse_ended()
        if not self._is_running:
            return
        with self._ending():
            for port in self.runtime_to_service:
                port.send(MGMT_COMMAND.PAUSE)
            for port in self.service_to_runtime:
                paused = False
                while not paused:
                    self._await([port])
                    paused = enum_equal(port.recv(), MGMT_RESPONSE.PAUSED)
        self._is_running = False

    def stop(self) -> None:
        """End all processes; what failed unseen is raised."""
        if self.ended:
            return
        with self._ending():
            if self._is_started:
                end = time.monotonic() + supervise.PATIENCE_S
                for port in self.runtime_to_service:
                    port.send(MGMT_COMMAND.STOP)
                while any(actor.is_alive() for actor in supervise.actors(self)) and time.monotonic() < end:
                    supervise.raise_exceptions(self, self._names())
                    time.sleep(supervise.POLL_S)
                supervise.raise_exceptions(self, self._names())
        self.end()

    def get_var(self, var_id: int, idx: np.ndarray = None) -> np.ndarray:  # type: ignore[assignment]  # as Lava's
        """The value of a variable."""
        self._refuse_ended()
        with self._ending():
            self._check()
            return super().get_var(var_id, idx)

    def set_var(self, var_id: int, value: np.ndarray, idx: np.ndarray = None) -> None:  # type: ignore[assignment]
        """Give a variable another value."""
        self._refuse_ended()
        with self._ending():
            self._check()
            super().set_var(var_id, value, idx)

    def _get_resp_for_run(self) -> None:
        """Lava's own, once it cannot wait."""
        self._refuse_ended()
        if self._is_running:
            with self._ending():
                self._await(list(self.service_to_runtime))
                super()._get_resp_for_run()

    def _await(self, ports: list[CspRecvPort]) -> None:
        """Wait until all ports have an answer, or one has another than that all is done."""
        while True:
            ready = [port for port in ports if port.probe()]
            answers = [port.peek() for port in ready]
            if any(enum_equal(answer, MGMT_RESPONSE.ERROR) for answer in answers):
                supervise.explain_failure(self, self._names())
            if len(ready) == len(ports) or not all(enum_equal(a, MGMT_RESPONSE.DONE) for a in answers):
                return
            self._check()
            waiting = next(port for port in ports if port not in ready)
            assert waiting._queue is not None  # it has started
            try:
                waiting._queue.get(timeout=WAIT_S, peek=True)
            except Empty:
                continue

    def _check(self) -> None:
        supervise.check_processes(self, self._names())

    def _names(self) -> list[str]:
        return supervise.names_of(self._executable)

    def _refuse_ended(self) -> None:
        if self.failure is not None:
            raise self.failure
        if self.ended:
            raise LavaError(
                "the Lava graph has been stopped", advice="Make its processes anew: a stopped graph cannot run."
            )

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """End the graph with what is raised, an interrupt too: nothing of it would answer again."""
        try:
            yield
        except BaseException as error:
            if isinstance(error, LavaError):
                self.failure = error
            self.end()
            raise

    def end(self) -> None:
        """End all processes at once, if that has not been done."""
        if not self.ended:
            self.ended = True
            with supervise.interrupts_held():
                supervise.end_graph(self)
