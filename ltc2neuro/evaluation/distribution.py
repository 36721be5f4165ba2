"""Chunks on a pool: as many at once as keep its workers busy, and each result once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import contextmanager
from itertools import islice
from queue import Empty, SimpleQueue

from hw_models.errors import WorkerError
from ltc2neuro.evaluation.chunks import Chunk
from ltc2neuro.evaluation.pool_errors import AGAIN, AHEAD, UNPICKLED, cannot_travel, died
from ltc2neuro.evaluation.pools import OURS, Future, WorkerPool, Workers, cannot_import, workers_in
from ltc2neuro.evaluation.totals import Totals
from ltc2neuro.evaluation.work import Sought
from ltc2neuro.evaluation.workers import Parcel
from ltc2neuro.version import __version__

LOOK_S = 1.0
"""So often it is looked whether there are workers"""
ALONE_S = 30.0
"""So long none may be there"""


def distributed(
    pool: WorkerPool, parcel: Parcel, chunks: Iterable[Chunk], asked: Sought
) -> Iterator[tuple[Chunk, Totals]]:
    """What is counted of each chunk, as soon as it is there. What a lost worker had is done again where the pool
    does so, as Dask does.

    Raises `WorkerError` where workers are lost for good, or cannot work; and what `work` raises.
    """
    workers, todo = workers_in(pool), iter(chunks)
    done: SimpleQueue[int] = SimpleQueue()
    running: dict[int, tuple[Chunk, Future]] = {}

    def submit(chunk: Chunk, parcel: Parcel) -> None:
        with _explained(chunk):
            future = workers.submit(parcel, chunk, asked)
        running[chunk.number] = chunk, future
        future.add_done_callback(lambda _: done.put(chunk.number))

    room = results = 0
    try:
        while True:
            if not results:
                room = results = AHEAD * max(1, workers.count())  # they come and go
            for chunk in islice(todo, max(0, room - len(running))):
                submit(chunk, parcel.name)
            if not running:
                return
            chunk, future = running.pop(_next_of(done, workers))
            results -= 1
            with _explained(chunk):
                found = future.result()
            if found is None:
                submit(chunk, parcel)
            else:
                yield chunk, found
    finally:
        for _, future in running.values():
            future.cancel()


def _next_of(done: SimpleQueue[int], workers: Workers) -> int:
    """The next that is done. Raises `WorkerError` where no worker is there to do one."""
    alone = 0.0
    while True:
        try:
            return done.get(timeout=LOOK_S)
        except Empty:
            alone = 0.0 if workers.count() else alone + LOOK_S
            if alone >= ALONE_S:
                raise WorkerError(
                    "no worker is running", numbers=f"for {alone:g} s", advice=f"Start workers. {AGAIN}"
                ) from None


@contextmanager
def _explained(chunk: Chunk) -> Iterator[None]:
    """What goes wrong with workers, in our words."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != OURS:
            raise
        raise cannot_import(str(error)) from error
    except BrokenExecutor as error:
        raise died(str(chunk), " Dask's workers are replaced.") from error
    except UNPICKLED as error:
        if "pickle" not in str(error) and "local object" not in str(error):
            raise
        raise cannot_travel(error) from error
    except (CancelledError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "shutdown" not in str(error):
            raise
        raise WorkerError("the workers were closed before all was done", where=str(chunk), advice=AGAIN) from error
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # Dask's, where several workers died of one task
            raise
        raise WorkerError(
            "several workers died, one after the other, of the same sequences",
            where=str(chunk),
            advice=f"Are they out of memory, or without ltc2neuro {__version__}? {AGAIN}",
        ) from error
