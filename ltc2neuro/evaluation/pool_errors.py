"""Pools of workers: how many tasks they are given, and what goes wrong with them in our words."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import Executor

from hw_models.arguments import shown
from hw_models.errors import InputError, WorkerError

AHEAD = 2
"""How many tasks there are at once for each worker, those that wait with those that run"""
AGAIN = "Run it again: with a journal it goes on from there."
UNPICKLED = (pickle.PicklingError, AttributeError, TypeError)
"""All that pickle raises for what is not at the top of a module"""


def worker_count(pool: Executor) -> int:
    """How many work at once: where it does not tell, as many as there are cores."""
    most = getattr(pool, "_max_workers", None)
    return most if isinstance(most, int) else os.cpu_count() or 1


def no_pool(pool: object, others: str = "") -> InputError:
    """The error for what is none, where `others` will do as well."""
    return InputError(
        "this is not a pool of workers",
        numbers=f"executor = {shown(pool)}",
        advice=f"Give one of concurrent.futures, such as ProcessPoolExecutor(){others}; None runs here.",
    )


def cannot_travel(error: Exception) -> InputError:
    """The error for a metric that pickle refuses."""
    return InputError(
        "the metric cannot travel to other processes",
        numbers=str(error),
        advice="Define it at the top of a module, not inside a function.",
    )


def died(where: str = "", others: str = "") -> WorkerError:
    """The error for a pool that has lost a worker; what is said of `others` follows."""
    advice = f"Was it killed, or out of memory? {AGAIN}{others}"
    return WorkerError("a worker of the pool has died, and the pool with it", where=where, advice=advice)
