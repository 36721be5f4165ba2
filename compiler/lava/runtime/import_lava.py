"""The only way to Lava: importing this module opens it, or says what is missing.

The cures that its import needs are in `hook`.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
import multiprocessing
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from compiler.lava.runtime import import_hook
from hw_models.errors import LavaError, MissingExtraError

VERSION = "0.10.0"
"""The version of lava-nc whose behaviour, private parts included, this backend is tested with."""

COMPANIONS = ("scipy", "networkx", "asteval")
"""What Lava needs to run besides NumPy."""


@contextmanager
def logging_kept() -> Iterator[None]:
    """Undo what Lava does to logging: each process that is made adds a handler to the program's root logger."""
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        yield
    finally:
        root.handlers[:] = before


def _installing() -> list[str]:
    """The commands that install what Lava lacks here; empty when nothing is missing."""
    commands = []
    if _version() != VERSION:
        commands.append(f"pip install --no-deps --ignore-requires-python lava-nc=={VERSION}")
    absent = [name for name in COMPANIONS if importlib.util.find_spec(name) is None]
    if absent:
        commands.append(f"pip install {' '.join(absent)}")
    return commands


def _version() -> str | None:
    try:
        return importlib.metadata.version("lava-nc")
    except importlib.metadata.PackageNotFoundError:
        return None


def _open() -> None:
    if not sys.platform.startswith("linux"):
        raise LavaError(
            "Lava runs on Linux only",
            numbers=f"this is {sys.platform}",
            advice="Use on='reference': the same integers.",
        )
    commands = _installing()
    if commands:
        raise MissingExtraError(
            f"Lava is incomplete: lava-nc {VERSION} with {', '.join(COMPANIONS)} is needed",
            numbers=f"lava-nc {_version() or 'is not installed'}",
            advice="Run: " + " && ".join(commands),
        )
    import_hook.install()
    importlib.import_module(import_hook.VAR_MODEL)
    importlib.import_module(import_hook.MESSAGES)
    # Lava's processes are forked. It chooses that when it is imported: another method may have been set since.
    if multiprocessing.get_start_method(allow_none=True) != "fork":
        multiprocessing.set_start_method("fork", force=True)


_open()
