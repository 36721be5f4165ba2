"""How far long work is: the library says what it begins, the command line shows it, the logger `ltc2neuro` hears it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Listener: TypeAlias = Callable[[str], None]

LOG = logging.getLogger("ltc2neuro")
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def begin(what: str) -> None:
    """Say that a stage of the work begins."""
    LOG.info(what)
    listener = _listener.get()
    if listener is not None:
        listener(what)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Call `listener` with each stage that begins inside."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
