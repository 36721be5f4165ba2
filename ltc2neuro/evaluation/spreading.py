"""Chunks on an executor: as many at once as keep its workers busy, and each result once."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from hw_models.arguments import shown
from hw_models.errors import InputError, WorkerError
from ltc2neuro.evaluation.chunks import Chunk
from ltc2neuro.evaluation.totals import Totals
from ltc2neuro.evaluation.work import Asked
from ltc2neuro.evaluation.workers import Parcel, work
from ltc2neuro.version import __version__

if TYPE_CHECKING:
    from distributed import Client

Workers: TypeAlias = "Executor | Client"

AHEAD = 2
"""How many chunks there are at once for each worker, those that wait with those that run"""
OURS = "ltc2neuro"


class _Future(Protocol):
    """One of `concurrent.futures`, or of Dask."""

    def result(self) -> Totals | None: ...

    def cancel(self) -> object: ...

    def add_done_callback(self, fn: Callable[[_Future], object], /) -> object: ...


@dataclass(frozen=True)
class _Pool:
    """What runs `work` elsewhere, and how many can at once."""

    submit: Callable[[Parcel, Chunk, Asked], _Future]
    workers: Callable[[], int]


def spread(executor: Workers, parcel: Parcel, chunks: Iterable[Chunk], asked: Asked) -> Iterator[tuple[Chunk, Totals]]:
    """What is counted of each chunk, as soon as it is there. What a lost worker had is done again where the executor
    does so, as Dask does.

    Raises `WorkerError` where workers are lost for good, or cannot work; and what `work` raises.
    """
    pool, todo = _pool(executor), iter(chunks)
    done: SimpleQueue[int] = SimpleQueue()
    running: dict[int, tuple[Chunk, _Future]] = {}

    def submit(chunk: Chunk, parcel: Parcel) -> None:
        with _explained(chunk):
            future = pool.submit(parcel, chunk, asked)
        running[chunk.number] = chunk, future
        future.add_done_callback(lambda _: done.put(chunk.number))

    room = results = 0
    try:
        while True:
            if not results:
                room = results = AHEAD * max(1, pool.workers())  # they come and go
            for chunk in islice(todo, max(0, room - len(running))):
                submit(chunk, parcel.name)
            if not running:
                return
            chunk, future = running.pop(done.get())
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


def _pool(executor: object) -> _Pool:
    if isinstance(executor, Executor):
        most = getattr(executor, "_max_workers", None)
        workers = most if isinstance(most, int) else os.cpu_count() or 1
        return _Pool(lambda *given: executor.submit(work, *given), lambda: workers)
    distributed = sys.modules.get("distributed")  # whoever has a client has imported it
    if distributed is not None and isinstance(executor, distributed.Client):
        return _dask(executor)
    raise InputError(
        "this is no executor",
        numbers=f"executor = {shown(executor)}",
        advice="Give one of concurrent.futures, such as ProcessPoolExecutor(), or a Client of Dask; None runs here.",
    )


def _dask(client: Any) -> _Pool:
    """Typed as little as Dask is."""
    if client.asynchronous:
        raise InputError("an asynchronous Client cannot be waited for", advice="Give Client(address).")

    found = {"the scheduler": client.run_on_scheduler(find_spec, OURS), **client.run(find_spec, OURS)}
    if without := [where for where, spec in found.items() if spec is None]:
        raise _without(", ".join(without))

    def submit(*given: object) -> _Future:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # a network or a long sequence may be large
            return client.submit(work, *given, pure=False)

    return _Pool(submit, lambda: sum(client.nthreads().values()))


@contextmanager
def _explained(chunk: Chunk) -> Iterator[None]:
    """What goes wrong with workers, in our words."""
    again = "Run it again: with a journal it goes on from there."
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != OURS:
            raise
        raise _without(str(error)) from error
    except BrokenExecutor as error:
        raise WorkerError(
            "a worker of the pool has died, and the pool with it",
            where=str(chunk),
            advice=f"Was it killed, or out of memory? {again} Dask's workers are replaced.",
        ) from error
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        if "pickle" not in str(error) and "local object" not in str(error):
            raise
        raise InputError(
            "the metric cannot travel to other processes",
            numbers=str(error),
            advice="Define it at the top of a module, not inside a function.",
        ) from error
    except (CancelledError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "shutdown" not in str(error):
            raise
        raise WorkerError("the workers were closed before all was done", where=str(chunk), advice=again) from error
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # Dask's, where several workers died of one task
            raise
        raise WorkerError(
            "several workers died, one after the other, of the same sequences",
            where=str(chunk),
            advice=f"Are they out of memory, or without ltc2neuro {__version__}? {again}",
        ) from error


def _without(whom: str) -> WorkerError:
    return WorkerError(
        "a worker has no ltc2neuro",
        numbers=whom,
        advice=f"Install ltc2neuro {__version__} where the workers run, and for Dask where its scheduler does.",
    )
