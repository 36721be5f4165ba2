"""Every way in which Lava's processes are known to fail ends in time, with the culprit's name, and leaves nothing."""

from __future__ import annotations

import copyreg
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from benchmarks.fuzz.failures import INTERRUPT, WAYS, fail, left_over, sample_network
from compiler.lava.runtime.deadlock import stuck

pytestmark = [
    pytest.mark.timeout(150),
    pytest.mark.skipif(sys.platform != "linux", reason="what processes do, and what they leave, is seen on Linux"),
]
NETWORK = sample_network(0)[1]
PLACES = (NETWORK.monitors[0].state, "source", "sink")
CASES = [(PLACES[i % 3], way) for i, way in enumerate([*WAYS, INTERRUPT])]


@pytest.fixture
def interruptible():
    """A program that a shell has put into the background ignores Ctrl-C, and so would the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("place", "way"), CASES)
def test_failures(place: str, way: str, interruptible: None) -> None:
    text = fail(NETWORK, place, way)
    if way == "is killed":
        assert "memory is exhausted" in text
    if way in WAYS and WAYS[way].late:
        assert "all others wait for it" in text


def test_what_recurses_is_named_where_dask_pickles_tracebacks(interruptible: None) -> None:
    support = pytest.importorskip("tblib.pickling_support", reason="Dask's distributed brings it")
    before = dict(copyreg.dispatch_table)
    support.install()
    try:
        fail(NETWORK, NETWORK.monitors[0].state, "recurses")
        assert RecursionError in copyreg.dispatch_table  # Dask has it back
    finally:
        copyreg.dispatch_table.clear()
        copyreg.dispatch_table.update(before)


PROGRAM = """
from compiler.lava.runtime.supervise import run_graph
from compiler.lava.processes.host import Sink, Source
from compiler.lava.runtime.shared_memory import SampleRows, shared

source = Source(rows=SampleRows(shared(1, 1), 0, 1))
source.out.connect(Sink(rows=SampleRows(shared(1, 1), 0, 1)).inp)
started = []
run_graph(source, 10**9, deadline_s=100, watch=lambda: started or started.append(print("running", flush=True)))
"""


USERS_PROGRAM = """
from compiler.lava.runtime import import_lava
from lava.magma.core.run_conditions import RunContinuous
from lava.magma.core.run_configs import Loihi2SimCfg
from benchmarks.fuzz.failures import sample_network
from compiler.lava.processes.fused import FusedNet

net = FusedNet(network=sample_network(0)[1])
net.run(RunContinuous(), Loihi2SimCfg(select_tag="fixed_pt"))
print("running", flush=True)
input()
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("program", [PROGRAM, USERS_PROGRAM], ids=["our run", "the user's own"])
def test_a_program_that_is_killed_takes_its_graph_along(program: str, how: signal.Signals) -> None:
    before = left_over()
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert child.stdout is not None and child.stdout.readline() == "running\n"
        os.kill(child.pid, how)
        child.wait()
        end = time.monotonic() + 20
        while (left := in_session(child.pid)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not left
        assert left_over() <= before
    finally:
        for pid in in_session(child.pid):
            os.kill(pid, signal.SIGKILL)


def in_session(leader: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(path.name)) == leader:
                found.append(int(path.name))
        except ProcessLookupError:
            continue
    return found


def test_nobody_is_stuck_where_nothing_is_known() -> None:
    assert stuck([("gone", 2**22 + 1)]) == []
    assert stuck([("this", os.getpid())] * 2) == ["this"] * 2
