"""Lava's processes made to fail, on random networks: each failure ends in time, named, and leaves nothing behind.

The rows of shared memory that the processes read or write at every tick do the harm: in the source, the sink or a
population of neurons, at a tick by chance.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fuzz.kind import Kind
from benchmarks.fuzz.programs import program
from compiler.graph import IntegerGraph
from compiler.lava.processes.host import Sink, Source
from compiler.lava.processes.nets import MappedNet
from compiler.lava.runtime.shared_memory import Int32, SampleRows, shared
from compiler.lava.runtime.supervise import run_graph
from compiler.mapping import MappedNetwork, map_network
from hw_models.chip import load_chip
from hw_models.errors import LavaError

SAMPLES = 4
LATE_S = 2.0
"""The deadline for what never answers; all else has `PATIENT_S`."""
PATIENT_S, GRACE_S = 60.0, 30.0


class StubbornError(Exception):
    """Cannot be sent from one process to another."""

    def __reduce__(self) -> str:
        raise TypeError("no copy")


def _raise() -> None:
    raise ValueError("a model raises")


def _raise_what_cannot_travel() -> None:
    raise StubbornError("a model raises what cannot travel")


def _use_all_memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, used + 2**26))
    hoard = []
    while True:
        hoard.append(bytearray(2**22))


def _recurse() -> None:
    _recurse()


def _stop_answering() -> None:
    time.sleep(1000)


def _compute_for_ever() -> None:
    while True:
        pass


def _read_what_never_comes() -> None:
    os.read(os.pipe()[0], 1)


@dataclass(frozen=True)
class Way:
    """A way to fail, and a word of the error; `late` where only the deadline tells."""

    harm: Callable[[], object]
    word: str
    late: bool = False


WAYS: dict[str, Way] = {
    "raises": Way(_raise, "ValueError: a model raises"),
    "raises what cannot travel": Way(_raise_what_cannot_travel, ""),
    "exhausts memory": Way(_use_all_memory, "MemoryError"),
    "recurses": Way(_recurse, "RecursionError"),
    "calls sys.exit": Way(lambda: sys.exit(4), "exit code 4"),
    "calls os._exit": Way(lambda: os._exit(3), "exit code 3"),
    "is killed": Way(lambda: os.kill(os.getpid(), signal.SIGKILL), "exit code -9"),
    "is terminated": Way(lambda: os.kill(os.getpid(), signal.SIGTERM), "exit code -15"),
    "aborts": Way(os.abort, "exit code -6"),
    "reads memory that is not there": Way(lambda: ctypes.string_at(0), "exit code -11"),
    "sleeps": Way(_stop_answering, "in time", late=True),
    "computes for ever": Way(_compute_for_ever, "in time", late=True),
    "waits for a file": Way(_read_what_never_comes, "in time", late=True),
}
INTERRUPT = "the program is interrupted"


class HarmfulRows(SampleRows):
    """Rows that do harm when the last sample's is asked for."""

    way = ""

    def at(self, tick: int) -> Int32 | None:
        row = super().at(tick)
        if row is not None and tick >= self.first + (SAMPLES - 1) * self.period:
            if self.way == INTERRUPT:
                os.kill(os.getppid(), signal.SIGINT)
                time.sleep(1000)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            faulthandler.disable()
            WAYS[self.way].harm()
        return row


def rows(way: str, size: int, first: int, period: int) -> SampleRows:
    """Rows that fail in this way; sound ones where it is empty."""
    made = (HarmfulRows if way else SampleRows)(shared(SAMPLES, size), first, period)
    if way:
        object.__setattr__(made, "way", way)
    return made


def graph(network: MappedNetwork, place: str, way: str) -> Source:
    """A mapped network between a source and a sink, one of which fails, or the population of the state `place`."""
    period = network.ticks_per_sample
    sizes = {p.name: p.size for p in network.populations}
    records = {
        monitor.state: rows(way * (monitor.state == place), sizes[monitor.population], monitor.tick, period)
        for monitor in network.monitors
    }
    net = MappedNet(network=network, rows=records)
    source = Source(rows=rows(way * (place == "source"), network.input_size, 0, period))
    sink = Sink(rows=rows(way * (place == "sink"), network.output_size, network.latency, period))
    source.out.connect(net.inp)
    net.out.connect(sink.inp)
    return source


def steps(network: MappedNetwork) -> int:
    """Ticks after which all has been asked for."""
    last = max([network.latency, *(monitor.tick for monitor in network.monitors)])
    return last + SAMPLES * network.ticks_per_sample


def left_over() -> set[str]:
    """This process's children, and segments of shared memory that no process has in its memory any more."""
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the thread has ended
            found |= {f"process {pid}" for pid in (task / "children").read_text().split() if not _is_helper(pid)}
    segments = {path.name for path in Path("/dev/shm").glob("psm_*")}
    for maps in Path("/proc").glob("[0-9]*/maps") if segments else ():
        with contextlib.suppress(OSError):  # it has ended
            text = maps.read_text()
            segments = {name for name in segments if name not in text}
    return found | {f"shared memory {name}" for name in segments if Path("/dev/shm", name).exists()}


def _is_helper(pid: str) -> bool:
    """Python's own resource tracker lives as long as the program."""
    return "resource_tracker" in Path(f"/proc/{pid}/cmdline").read_text()


def fail(network: MappedNetwork, place: str, way: str) -> str:
    """Run a network of which `place` fails in some way; returns the error's text. Raises `AssertionError`.

    That is where it ended too late, named another process or left something behind.
    """
    expected = place if place in ("source", "sink") else _population(network, place)
    late = way in WAYS and WAYS[way].late
    before, started = left_over(), time.monotonic()
    text, where = "nothing failed", ""
    try:
        run_graph(graph(network, place, way), steps(network), deadline_s=LATE_S if late else PATIENT_S)
    except LavaError as error:
        text, where = str(error), error.where
    except KeyboardInterrupt:
        text, where = INTERRUPT, expected
    took = time.monotonic() - started
    assert (INTERRUPT if way == INTERRUPT else WAYS[way].word) in text, text
    assert where == expected, f"{where} is named, not {expected}: {text}"
    assert took < LATE_S + GRACE_S if late else took < PATIENT_S, f"it took {took:.1f} s"
    if not left_over() <= before:
        time.sleep(1)  # what another program is about to use or to remove
    assert left_over() <= before, f"left over: {left_over() - before}"
    return text


def _population(network: MappedNetwork, state: str) -> str:
    return next(f"population {p.population}" for p in network.monitors if p.state == state)


def sample_network(seed: int) -> tuple[IntegerGraph, MappedNetwork]:
    """A random program with a state, of few processes."""
    while True:
        made = program(seed)
        if made.states and sum(len(b.ops) for b in made.blocks) <= 12:
            return made, map_network(made, load_chip("loihi2"))
        seed += 10**6


def trial(seed: int) -> str:
    """One failure by chance, at a place by chance."""
    assert threading.current_thread() is threading.main_thread()
    rng = np.random.default_rng(seed)
    network = sample_network(seed)[1]
    places = ["source", "sink", *(p.state for p in network.monitors)]
    place, way = places[rng.integers(0, len(places))], [*WAYS, INTERRUPT][rng.integers(0, len(WAYS) + 1)]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fail(network, place, way)
    return f"{place if place in ('source', 'sink') else 'a population'} {way}"


KIND = Kind(trial, seconds=PATIENT_S + GRACE_S)
