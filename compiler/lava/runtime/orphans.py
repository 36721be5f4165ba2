"""Processes forked for a graph end with the program, however it ends: without that they would wait for ever.

Lava's processes wait for messages of each other, and of a program that a signal has ended nobody tells them. Linux
sends them a signal then; other systems leave them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_program: int | None = None


@contextmanager
def ending_with_us() -> Iterator[None]:
    """What is forked meanwhile is killed when the thread that forks it ends."""
    global _program
    _program = os.getpid()
    try:
        yield
    finally:
        _program = None


def _follow() -> None:
    """In every forked process."""
    if _libc is None or _program is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != _program:  # it has ended already
        os._exit(1)


os.register_at_fork(after_in_child=_follow)
