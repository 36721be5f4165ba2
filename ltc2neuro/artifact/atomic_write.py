"""A file that is written whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from hw_models.errors import ArtifactError


def write_whole(path: Path, write: Callable[[Path], object], what: str = "network") -> None:
    """Have `write` write a file beside `path`, which then takes its place; where it fails, what was there stays.

    Raises `ArtifactError` where the folder cannot be written to.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        os.replace(part, path)
    except OSError as error:
        raise ArtifactError(
            f"cannot write the {what}: {error.strerror}", where=str(path), advice="Check the path."
        ) from error
    finally:
        with suppress(OSError):  # of a name that no file can have, none was written
            part.unlink(missing_ok=True)
