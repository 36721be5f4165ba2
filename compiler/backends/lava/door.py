"""The only way to Lava: importing this module opens it, or says what is missing.

lava-nc 0.10.0 needs two cures to be imported on every Python that we support; both change nothing on disk and
nothing where they are not needed.

1. `lava.magma.compiler.var_model` has an unhashable default in a dataclass, which Python 3.11 and newer refuse.
   That one module is executed under a `dataclass` that makes its classes hashable.
2. Lava sets the start method `fork` without force, which fails where the program has chosen a method before, even
   `fork`. The choice is forgotten for that import. Lava's processes need fork later too, so it stays the default.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import logging
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hw_models.errors import LavaError, MissingExtraError

VERSION = "0.10.0"
"""The version of lava-nc whose behaviour, private parts included, this backend is tested with."""

COMPANIONS = ("scipy", "networkx", "asteval")
"""What Lava needs to run besides NumPy."""

_VAR_MODEL = "lava.magma.compiler.var_model"
_MESSAGES = "lava.magma.runtime.message_infrastructure.multiprocessing"


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
            f"Lava is not complete: lava-nc {VERSION} with {', '.join(COMPANIONS)} is needed",
            numbers=f"lava-nc {_version() or 'is not installed'}",
            advice="Run: " + " && ".join(commands),
        )
    _import_var_model()
    _import_messages()


def _import_var_model() -> None:
    try:
        importlib.import_module(_VAR_MODEL)
        return
    except ValueError as error:  # 3.11 and newer: "mutable default <class ...ByteEncoder> ... is not allowed"
        if "mutable default" not in str(error):
            raise
    # The failed import has brought in all that the module depends on: only its own classes are made below.
    plain = dataclasses.dataclass

    def hashable(cls: type | None = None, **options: bool) -> type | Callable[[type], type]:
        options.setdefault("unsafe_hash", True)
        return plain(cls, **options) if cls is not None else lambda made: plain(made, **options)

    dataclasses.dataclass = hashable  # type: ignore[assignment]
    try:
        importlib.import_module(_VAR_MODEL)
    finally:
        dataclasses.dataclass = plain


def _import_messages() -> None:
    if multiprocessing.get_start_method(allow_none=True) is not None:
        multiprocessing.set_start_method(None, force=True)
    importlib.import_module(_MESSAGES)
    # Lava chooses only when its module is executed first: another method may have been set since.
    if multiprocessing.get_start_method(allow_none=True) != "fork":
        multiprocessing.set_start_method("fork", force=True)


_open()
