"""Pools of workers: the executors of `concurrent.futures`, and the clusters of Dask."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from hw_models.errors import InputError, WorkerError
from ltc2neuro.evaluation.chunks import Chunk
from ltc2neuro.evaluation.pool_errors import no_pool, worker_count
from ltc2neuro.evaluation.totals import Totals
from ltc2neuro.evaluation.work import Sought
from ltc2neuro.evaluation.workers import Parcel, work_on
from ltc2neuro.extras import DASK
from ltc2neuro.version import __version__

if TYPE_CHECKING:
    from distributed import Client

WorkerPool: TypeAlias = "Executor | Client"
"""What users give as `executor=`: Python's word for a pool"""
OURS = "ltc2neuro"
PATIENCE = 10
"""Seconds until a scheduler answers"""


class Future(Protocol):
    """One of `concurrent.futures`, or of Dask."""

    def result(self) -> Totals | None:
        """What `work_on` returned, or raised."""
        ...

    def cancel(self) -> object:
        """Leave it undone, where it has not begun."""
        ...

    def add_done_callback(self, fn: Callable[[Future], object], /) -> object:
        """Call `fn` when it is done."""
        ...


@dataclass(frozen=True)
class Workers:
    """What runs `work_on` elsewhere, and how many can at once."""

    submit: Callable[[Parcel, Chunk, Sought], Future]
    count: Callable[[], int]


def workers_in(pool: object) -> Workers:
    """Those of what `evaluate` takes as `executor=`. Raises `InputError` for anything else."""
    if isinstance(pool, Executor):
        return Workers(lambda *given: pool.submit(work_on, *given), lambda: worker_count(pool))
    distributed = sys.modules.get("distributed")  # whoever has a client has imported it
    if distributed is not None and isinstance(pool, distributed.Client):
        return _dask(pool)
    raise no_pool(pool, ", or a Client of Dask")


def _dask(client: Any) -> Workers:
    """Typed as little as Dask is."""
    if client.asynchronous:
        raise InputError("an asynchronous Client cannot be waited for", advice="Give Client(address).")

    found = {"the scheduler": client.run_on_scheduler(find_spec, OURS), **client.run(find_spec, OURS)}
    if lacking := [where for where, spec in found.items() if spec is None]:
        raise cannot_import(", ".join(lacking))

    def submit(*given: object) -> Future:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # a network or a long sequence may be large
            return client.submit(work_on, *given, pure=False)

    return Workers(submit, lambda: sum(client.nthreads().values()))


def cannot_import(whom: str) -> WorkerError:
    """The error for a worker that cannot import us."""
    return WorkerError(
        "a worker has no ltc2neuro",
        numbers=whom,
        advice=f"Install ltc2neuro {__version__} where the workers run, and for Dask where its scheduler does.",
    )


@contextmanager
def cluster(address: str) -> Iterator[Client]:
    """The workers of a cluster of Dask, by its scheduler's address. Raises `InputError` where none answers."""
    DASK.require()
    from distributed import Client

    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise InputError(
            "no Dask scheduler answers",
            where=address,
            numbers=str(error),
            advice="Start one, and workers for it: dask scheduler; dask worker tcp://HOST:8786.",
        ) from error
    with client:
        yield client
