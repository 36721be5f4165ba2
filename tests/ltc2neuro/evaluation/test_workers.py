"""Work on pools of threads and of processes: the same result, and one error where workers are lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from threading import Lock

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

from networks import classified, sequences, tracked

import ltc2neuro
from ltc2neuro import metrics
from ltc2neuro.errors import InputError, WorkerError
from ltc2neuro.evaluation import chunks, workers
from ltc2neuro.evaluation.chunks import Chunk, Example
from ltc2neuro.evaluation.work import Sought

X = 0.8 * sequences(40, 6)
Y = np.random.default_rng(2).normal(size=(40, 6, 2))
NAMES = ["mse", "correlation"]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(chunks, "SEQUENCES", 2)


@pytest.fixture
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


def test_threads_share_the_work():
    whole = ltc2neuro.evaluate(tracked(), X, [*NAMES, metrics.mae], Y)
    with ThreadPoolExecutor(3) as pool:
        assert ltc2neuro.evaluate(tracked(), X, [*NAMES, metrics.mae], Y, pool) == whole
        assert ltc2neuro.evaluate(classified(), X, executor=pool) == ltc2neuro.evaluate(classified(), X)
        with pytest.raises(InputError, match="the metric failed"):
            ltc2neuro.evaluate(tracked(), X, lambda y, t: [][0], Y, pool)
    with pytest.raises(WorkerError, match="were closed"):
        ltc2neuro.evaluate(tracked(), X, executor=pool)


def test_processes_share_the_work_until_one_dies(processes, tmp_path):
    """Nothing is lost: what was done is in the journal, and nothing is counted twice."""
    net = tracked()
    whole = ltc2neuro.evaluate(net, X, [*NAMES, metrics.mae], Y)
    assert ltc2neuro.evaluate(net, X, [*NAMES, metrics.mae], Y, processes) == whole
    with pytest.raises(InputError, match="the metric cannot travel"):
        ltc2neuro.evaluate(net, X, lambda y, t: 0.0, Y, processes)

    with pytest.raises(InputError, match="targets do not fit the outputs") as error:
        ltc2neuro.evaluate(net, X, metrics.accuracy, Y, processes)
    assert error.value.where.startswith("sequences ")

    def batches():
        for first in range(0, 40, 2):
            if first == 20:
                os.kill(processes.submit(os.getpid).result(), signal.SIGKILL)
            yield X[first : first + 2], Y[first : first + 2]

    path = tmp_path / "run.json"
    with pytest.raises(WorkerError, match="a worker of the pool has died"):
        ltc2neuro.evaluate(net, batches(), [*NAMES, metrics.mae], executor=processes, journal=path)
    found = ltc2neuro.evaluate(net, X, [*NAMES, metrics.mae], Y, journal=path)
    assert found == whole and 0 < found.resumed <= 20


class Watched(ThreadPoolExecutor):
    """Counts what it was given and has not answered."""

    most = given = 0
    lock = Lock()

    def submit(self, *work, **more):
        with self.lock:
            self.given += 1
            self.most = max(self.most, self.given)
        future = super().submit(*work, **more)
        future.add_done_callback(self._answered)
        return future

    def _answered(self, _):
        with self.lock:
            self.given -= 1


def test_no_more_is_read_than_the_workers_need():
    with Watched(2) as pool:
        ltc2neuro.evaluate(tracked(), (X[first : first + 2] for first in range(0, 40, 2)), executor=pool)
    assert pool.most == 4


def test_a_worker_of_another_version_does_nothing():
    parcel = workers.packed(tracked())
    chunk, asked = Chunk(0, 0, (Example(X[0], (None,)),)), Sought({}, None, False, False)
    assert workers.work_on(workers.Parcel("unknown", None), chunk, asked) is None
    found = workers.work_on(parcel, chunk, asked)
    assert found is not None and found.samples == 6
    with pytest.raises(InputError, match=r"another version of ltc2neuro\n.*, not 0\.0"):
        workers.work_on(workers.Parcel(parcel.digest, None, "0.0"), chunk, asked)
