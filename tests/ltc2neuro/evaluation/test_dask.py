"""Work on a local cluster of Dask: a worker is killed midway, and the result is that of one process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")
dask = pytest.importorskip("dask", reason="needs the extra dask")
distributed = pytest.importorskip("distributed", reason="needs the extra dask")

from networks import sequences, tracked  # noqa: E402

import ltc2neuro  # noqa: E402
from ltc2neuro.errors import WorkerError  # noqa: E402
from ltc2neuro.evaluation import chunks, distribution  # noqa: E402

pytestmark = pytest.mark.timeout(60)

X = 0.7 * sequences(60, 6)
Y = np.random.default_rng(3).normal(size=(60, 6, 2))
NAMES = ["mse", "correlation"]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "SEQUENCES", 2)


@pytest.fixture(scope="module")
def client() -> Iterator[object]:
    settings = {"distributed.scheduler.allowed-failures": 1, "distributed.comm.timeouts.connect": "10s"}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as found,
    ):
        yield found


def test_a_worker_is_killed_midway(client, tmp_path):
    """It is in the middle of a sequence. Nothing is lost, and nothing is counted twice."""
    killed = str(tmp_path / "killed")

    def killing(outputs, targets):
        if targets[0, 0, 0] == Y[33, 0, 0] and not os.path.exists(killed):
            with open(killed, "w") as file:
                file.write(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return 1.0

    def quiet(outputs, targets):
        return 1.0

    killing.__name__ = quiet.__name__ = "one"
    whole = ltc2neuro.evaluate(tracked(), X, [*NAMES, quiet], Y)
    workers = {*client.run(os.getpid).values()}
    batches = ((X[first : first + 5], Y[first : first + 5]) for first in range(0, 60, 5))
    found = ltc2neuro.evaluate(tracked(), batches, [*NAMES, killing], executor=client)
    assert found == whole and found.metrics["one"].integer == 1.0 and sum(found.on.values()) == 60
    with open(killed) as file:
        assert int(file.read()) in workers - {*client.run(os.getpid).values()}


def test_a_function_typed_in_travels(client):
    whole = ltc2neuro.evaluate(tracked(), X, lambda y, t: np.max(y - t), Y)
    assert ltc2neuro.evaluate(tracked(), X, lambda y, t: np.max(y - t), Y, client) == whole


def test_sequences_that_kill_every_worker(client):
    with pytest.raises(WorkerError, match="several workers died") as error:
        ltc2neuro.evaluate(tracked(), X[:2], lambda y, t: os._exit(1), Y[:2], client)
    assert error.value.where == "sequences 0 to 1"


def test_a_worker_without_ltc2neuro(client):
    def forget() -> None:
        sys.modules["ltc2neuro"] = None  # type: ignore[assignment]

    client.wait_for_workers(2, timeout=20)
    client.run(forget)
    with pytest.raises(WorkerError, match=r"a worker has no ltc2neuro\n.*tcp://"):
        ltc2neuro.evaluate(tracked(), X, executor=client)


def test_nobody_waits_for_a_cluster_without_workers(monkeypatch):
    monkeypatch.setattr(distribution, "ALONE_S", 2.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster,
        distributed.Client(cluster) as empty,
        pytest.raises(WorkerError, match=r"no worker is running\n.*for 2 s"),
    ):
        ltc2neuro.evaluate(tracked(), X[:4], executor=empty)
