"""Trials in other processes: some settings ahead of the one that is wanted, so that the workers are kept busy.

A result counts when it is asked for, in the order of the search: what comes of it is the same on any pool.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from itertools import islice
from typing import Any, Generic, TypeVar

from compiler.quantize.precision import Precision
from hw_models.errors import WorkerError
from ltc2neuro.evaluation.pool_errors import AHEAD, UNPICKLED, cannot_travel, died, no_pool, worker_count

T = TypeVar("T")

_kept: dict[str, Callable[[Precision], Any]] = {}
"""in a worker: what measures, by its digest"""


class ParallelTrials(Generic[T]):
    """The workers of a pool, each with a copy of what measures a setting."""

    def __init__(self, measure: Callable[[Precision], T], pool: Executor) -> None:
        try:
            self._content = pickle.dumps(measure)
        except UNPICKLED as error:
            raise cannot_travel(error) from error
        self._digest = hashlib.sha256(self._content).hexdigest()
        self._room = AHEAD * worker_count(pool)
        self._pool, self._running = pool, dict[str, Future[tuple[T] | None]]()

    def expect(self, wanted: Sequence[tuple[str, Precision]]) -> None:
        """These settings, by their keys, are wanted next, in this order; what else has not begun is left undone."""
        ahead = dict(islice(wanted, self._room))
        for key in self._running.keys() - ahead.keys():
            self._running.pop(key).cancel()
        for key, precision in ahead.items():
            if key not in self._running:
                self._running[key] = self._submitted(precision, None)

    def result(self, key: str, precision: Precision) -> T:
        """What a worker measured."""
        future = self._running.pop(key, None) or self._submitted(precision, None)
        try:
            found = future.result() or self._submitted(precision, self._content).result()
        except BrokenExecutor as error:
            raise died() from error
        assert found is not None  # it has been given what measures
        return found[0]

    def _submitted(self, precision: Precision, content: bytes | None) -> Future[tuple[T] | None]:
        try:
            return self._pool.submit(measured_trial, self._digest, content, precision)
        except BrokenExecutor as error:
            raise died() from error
        except RuntimeError as error:
            raise WorkerError("the pool of workers has been shut down", advice="Give one that is open.") from error


def check_pool(pool: object) -> None:
    """Raise `InputError` for what cannot run trials."""
    if not isinstance(pool, Executor):
        raise no_pool(pool)


def measured_trial(digest: str, content: bytes | None, precision: Precision) -> tuple[Any] | None:
    """In a worker: what it measured; None where it needs what measures."""
    if content is not None and digest not in _kept:
        _kept.clear()
        _kept[digest] = pickle.loads(content)
    measure = _kept.get(digest)
    return None if measure is None else (measure(precision),)
