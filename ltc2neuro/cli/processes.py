"""Processes of this machine that work for one command, and end with it however it ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import FrameType

from hw_models.arguments import check_count
from ltc2neuro.cli.output import INTERRUPTED

GRACE_S = 2.0
"""So long an interrupted command takes at most"""


@contextmanager
def processes(count: int) -> Iterator[Executor]:
    """So many of them. Where the command is interrupted, what they are at is not waited for."""
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)  # nothing is sent: it closes
    with (
        theirs,
        ours,
        _interrupted_once(),
        ProcessPoolExecutor(check_count(count, "processes"), context, _begin, (theirs,)) as pool,
    ):
        try:
            yield pool
        except KeyboardInterrupt:
            ours.close()
            _end_at_last()
            raise


def _end_at_last() -> None:
    """Python's pool can wait for ever for workers that are gone."""
    guard = threading.Timer(GRACE_S, os._exit, (INTERRUPTED,))
    guard.daemon = True
    guard.start()


@contextmanager
def _interrupted_once() -> Iterator[None]:
    """A second interrupt would break off the end that the first has begun: a journal's last line."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin(parent: Connection) -> None:
    """In a worker. A terminal interrupts all processes at once, but one that breaks off by itself may hold what the
    others wait for: it works until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Connection) -> None:
    parent.poll(None)
    os._exit(1)
