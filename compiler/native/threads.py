"""Work shared out among threads: whoever asks takes part in it, and the others are kept for the next time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(one: Callable[[int], None], count: int, threads: int) -> None:
    """Call `one` for every number below `count`, on at most so many threads: it lets the interpreter go meanwhile.

    Each thread takes numbers side by side, whose memory is, and then what the others have left.
    """
    left, most = set(range(count)), min(threads, count)

    def work(first: int) -> None:
        for number in (*range(first, count), *range(first)):
            try:
                left.remove(number)
            except KeyError:  # another thread has taken it
                continue
            one(number)

    others = list[Future[None]]()
    try:
        for n in range(1, most):
            try:
                others.append(_pool().submit(work, count * n // most))
            except RuntimeError:  # the program ends, and Python starts nothing in pools any more
                break
        work(0)
    finally:
        left.clear()
        for other in others:
            if not other.cancel():  # it has begun: those that have not are busy with other work
                other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads that wait for work: to start one takes as long as 1,000 samples."""
    return ThreadPoolExecutor(cpus(), "ltc2neuro")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # no thread goes with a fork
