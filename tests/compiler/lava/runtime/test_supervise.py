"""A process that fails is named, also where its error is late, and the next graph runs; see `test_failures` too."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.process import BaseProcess

import numpy as np
import pytest

from hw_models import isa
from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from compiler.lava.processes.host import Sink, Source
from compiler.lava.processes.neurons import Neurons
from compiler.lava.runtime.shared_memory import Int32, SampleRows, shared
from compiler.lava.runtime.supervise import run_graph
from compiler.mapping.mapped_network import Population

pytestmark = pytest.mark.timeout(150)
STEPS = 30


class SlowError(ValueError):
    """An error that takes longer to arrive than the other processes take to end, as on a busy machine."""

    def __reduce__(self) -> tuple[type[ValueError], tuple[str]]:
        time.sleep(1.5)
        return ValueError, (str(self),)


class FailingRows(SampleRows):
    """Rows of which row 20 is broken."""

    def at(self, tick: int) -> Int32 | None:
        if tick == 20:
            raise SlowError("row 20 is broken")
        return super().at(tick)


def graph(failing: str = "") -> tuple[Source, Int32, Int32]:
    sent, arrived = shared(STEPS, 3), shared(STEPS, 3)
    sent[:] = np.arange(3 * STEPS).reshape(STEPS, 3)
    source = Source(rows=(FailingRows if failing == "source" else SampleRows)(sent, 0, 1))
    sink = Sink(rows=(FailingRows if failing == "sink" else SampleRows)(arrived, 0, 1))
    source.out.connect(sink.inp)
    return source, sent, arrived


def assert_a_graph_runs() -> None:
    source, sent, arrived = graph()
    assert run_graph(source, STEPS, deadline_s=60) > 0
    assert np.array_equal(sent, arrived)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("place", ["source", "sink"])
def test_an_error_that_arrives_late_is_named_and_leaves_nothing(place: str) -> None:
    source, _, _ = graph(failing=place)
    with pytest.raises(LavaError) as caught:
        run_graph(source, STEPS, deadline_s=60)
    assert caught.value.where == place
    for word in ("ValueError: row 20 is broken", "Traceback"):
        assert word in str(caught.value)
    assert_a_graph_runs()


def test_a_graph_that_is_broken_off_ends_by_itself() -> None:
    """Its processes are asked to end, and nobody has to kill them."""
    processes: list[BaseProcess] = []

    def break_off() -> None:
        processes.extend(multiprocessing.active_children())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_graph(graph()[0], 10**9, deadline_s=60, watch=break_off)
    assert len(processes) >= 2 and {p.exitcode for p in processes} <= {0, -signal.SIGTERM}


def test_a_model_that_cannot_be_made_is_named() -> None:
    listing = (isa.Skip("nowhere"),)
    neurons = Neurons(population=Population("broken", 2, listing, {}, 1, 1, {}))
    with pytest.raises(LavaError, match=r"raised GraphError: .*nowhere") as caught:
        run_graph(neurons, STEPS, deadline_s=60)
    assert caught.value.where == "population broken"
    assert_a_graph_runs()


def test_many_graphs_leak_no_files_threads_or_processes() -> None:
    assert_a_graph_runs()
    gc.collect()
    files, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(3):
        assert_a_graph_runs()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= files
    assert threading.active_count() <= threads


INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs tests in the background hands down its ignoring
from compiler.lava.runtime.supervise import run_graph
from compiler.lava.processes.host import Sink, Source
from compiler.lava.runtime.shared_memory import SampleRows, shared

def graph(steps):
    source = Source(rows=SampleRows(shared(1, 1), 0, 1))
    sink = Sink(rows=SampleRows(shared(1, 1), 0, 1))
    source.out.connect(sink.inp)
    return source

started = []
def watch():
    if not started:
        started.append(print("running", flush=True))
try:
    run_graph(graph(0), 10**9, deadline_s=50, watch=watch)
except KeyboardInterrupt:
    print("interrupted", flush=True)
run_graph(graph(0), 10, deadline_s=60)
print("second graph ran", flush=True)
"""


def test_ctrl_c_ends_the_graph_quietly() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=os.getcwd(),
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "running\n"
        os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to all of the group
        out, error = child.communicate(timeout=100)
    finally:
        child.kill()
    assert out == "interrupted\nsecond graph ran\n", error
    assert error == ""
    assert child.returncode == 0
