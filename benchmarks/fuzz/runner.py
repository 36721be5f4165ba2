"""Runs trials in processes of their own: one that dies, never ends or takes all memory is a failure with its seed."""

from __future__ import annotations

import os
import resource
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from multiprocessing import connection, get_context

from benchmarks.fuzz.journal import Chunk, Journal
from benchmarks.fuzz.kind import Kind

STARVED = 20
"""How many times its limit of CPU seconds a trial may take by the clock, on a busy machine."""
PREPARATION_S = 1800.0
"""How long a process may take before its first trial, on a busy machine."""


def kind_of(module: str) -> Kind:
    """The kind that a module offers."""
    return import_module(module).KIND


def run(
    module: str,
    journal: Journal,
    count: int | None,
    processes: int = 1,
    seconds: float | None = None,
    chunk: int = 50,
    report: Callable[[Journal], None] = lambda journal: None,
) -> None:
    """Try the first `count` seeds that `journal` lacks, or as many as `seconds` last; `report` is told now and then."""
    end = float("inf") if seconds is None else time.monotonic() + seconds
    todo = journal.missing(chunk, count)
    workers = [_Worker(module) for _ in range(processes)]
    try:
        while active := [w for w in workers if w.busy or (time.monotonic() < end and w.take(todo))]:
            patience = min(w.deadline for w in active) - time.monotonic()
            connection.wait([w.pipe for w in active], timeout=max(0.0, patience))
            for worker in active:
                done = worker.receive()
                if done is not None:
                    journal.add(done)
                    report(journal)
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that tries seeds, and what is known of it from outside."""

    def __init__(self, module: str) -> None:
        self._module, self._seconds = module, kind_of(module).seconds
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._module, theirs))
        self._process.start()
        theirs.close()
        self._ready, self._chunk, self._seed = False, None, 0
        self._since, self._used = 0.0, 0.0
        self.deadline = time.monotonic() + PREPARATION_S

    @property
    def busy(self) -> bool:
        """Whether it has seeds to try."""
        return self._chunk is not None

    def take(self, todo: Iterator[Chunk]) -> bool:
        """Give it the next chunk; returns whether there was one."""
        chunk = next(todo, None)
        if chunk is not None:
            self._give(chunk, chunk.start)
        return chunk is not None

    def _give(self, chunk: Chunk, seed: int) -> None:
        self._chunk, self._seed = chunk, seed
        self.pipe.send((seed, chunk.stop))
        if self._ready:
            self._begin()

    def receive(self) -> Chunk | None:
        """Read what it says, without waiting; returns its chunk when that is done."""
        try:
            while self._chunk is not None and self.pipe.poll():
                outcome, failure = self.pipe.recv()
                self._begin()
                if not self._ready:
                    self._ready = True
                else:
                    self._note(outcome, failure)
            if self._chunk is not None and time.monotonic() > self.deadline:
                self._late()
        except (EOFError, ConnectionError):
            self._process.join()
            self._lost(f"the process died with exit code {self._process.exitcode}")
        chunk = self._chunk
        if chunk is not None and self._seed == chunk.stop:
            self._chunk = None
            return chunk
        return None

    def _late(self) -> None:
        """Time is up by the clock: wait on while the process has hardly had any."""
        now = time.monotonic()
        computed, waited = _cpu_seconds(self._process.pid) - self._used, now - self._since
        if not self._ready:
            self._lost("the process did not get ready")
        elif computed < self._seconds and waited < STARVED * self._seconds:
            self.deadline = now + 0.1 * self._seconds
        else:
            self._lost(f"no answer within {self._seconds:g} s")

    def _begin(self) -> None:
        """A trial begins."""
        self._since, self._used = time.monotonic(), _cpu_seconds(self._process.pid)
        self.deadline = self._since + self._seconds

    def _note(self, outcome: str, failure: str | None) -> None:
        assert self._chunk is not None
        self._chunk.outcomes[outcome] += 1
        if failure is not None:
            self._chunk.failures[self._seed] = failure
        self._seed += 1

    def _lost(self, why: str) -> None:
        """The process is gone or stuck: that is what came of its seed, and another process takes the others."""
        ready, chunk = self._ready, self._chunk
        self.end()
        if not ready or chunk is None:
            raise RuntimeError(why)
        self._note("FAILED", why)
        seed = self._seed
        self._start()
        self._chunk, self._seed = chunk, seed
        if seed < chunk.stop:
            self._give(chunk, seed)

    def end(self) -> None:
        """End the process and whatever it started."""
        if self._process.is_alive():
            try:
                os.killpg(self._process.pid or 0, signal.SIGKILL)
            except ProcessLookupError:  # it has no group of its own yet
                self._process.kill()
        self._process.join()
        self.pipe.close()


def _serve(module: str, pipe: connection.Connection) -> None:
    """In the process: try what the pipe asks for. Tells ("", None) when ready, then how each seed came out."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner, which ends this process
    kind = kind_of(module)
    if kind.prepare is not None:
        kind.prepare()
    if kind.memory is not None:
        limit = _address_space() + kind.memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    pipe.send(("", None))
    while True:
        try:
            start, stop = pipe.recv()
        except EOFError:
            return
        for seed in range(start, stop):
            pipe.send(_tried(kind, seed))


def _tried(kind: Kind, seed: int) -> tuple[str, str | None]:
    try:
        return kind.trial(seed), None
    except Exception:
        return "FAILED", traceback.format_exc(limit=-6)[-2000:]


def _address_space() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _cpu_seconds(pid: int | None) -> float:
    """What a process has computed so far; 0 where it has ended."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    except OSError:
        return 0.0
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
