"""Compiled objects on disk, so that a network is compiled once on a machine and not once a program."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path

FOLDER = "LTC2NEURO_CACHE"
"""The variable that names another folder"""
MOST_BYTES = 256 * 2**20
"""All objects together are not larger, but by what several processes keep at once."""
PARTS = 8
"""The oldest objects go until this part of the bytes is free, and are looked at again when as much was written."""
HASH = 32
KEY = 64
"""Characters of a name"""
SHARED = 0o644
"""Whoever shares a folder may read its objects."""


def folder() -> Path:
    """Where objects are kept."""
    named = os.environ.get(FOLDER)
    return Path(named) if named else user_cache_path("ltc2neuro") / "native"


def cached(key: str, make: Callable[[], bytes]) -> bytes:
    """What is kept under `key`, or what `make` returns, which is kept from then on.

    Several processes may do so at once: files are written beside and renamed. A damaged file, or a folder that cannot
    be written, costs time only.
    """
    path = folder() / f"{key}.o"
    found = _read(path)
    if found is None:
        found = make()
        with contextlib.suppress(OSError):
            _write(path, found)
            _bound(path.parent, len(found) + HASH)
    return found


def _read(path: Path) -> bytes | None:
    """The object at `path`, if it is there and whole."""
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    with contextlib.suppress(OSError):  # of another owner, or in a folder that is only read
        os.utime(path)
    data = whole[HASH:]
    return data if hashlib.sha256(data).digest() == whole[:HASH] else None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.stem}.", suffix=".part", delete=False) as file:
        try:
            file.write(hashlib.sha256(data).digest() + data)
            file.close()
            os.chmod(file.name, SHARED)
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


_free: dict[Path, int] = {}
"""How many bytes this process may yet write to a folder before it looks at all that is there"""


def _bound(where: Path, written: int) -> None:
    """Keep the folder small: the first time in a process, and each time that it has written as much as was free."""
    _free[where] = _free.get(where, 0) - written
    if _free[where] <= 0:
        part = MOST_BYTES // PARTS
        _free[where] = part
        _tidy(where, MOST_BYTES - part)


def _tidy(where: Path, most: int) -> None:
    """Remove what was used longest ago, until the rest is small enough; what was being written when a process ended is
    some of it, and what others may keep in the folder is not."""
    files = []
    for path in where.glob("[0-9a-f]" * KEY + ".*"):
        with contextlib.suppress(OSError):  # another process may have removed it
            stat = path.stat()
            files.append((stat.st_mtime, stat.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= most:
            return
        path.unlink(missing_ok=True)
        total -= size
