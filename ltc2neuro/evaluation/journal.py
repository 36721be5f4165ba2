"""A JSON file that an evaluation can be continued from: which chunks are done, and all that was counted of them.

It is written beside and renamed, so that it is whole at any time, and has a checksum: its parts belong together.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from os.path import isdir, lexists
from pathlib import Path

from hw_models.arguments import check_path
from hw_models.errors import InputError
from hw_models.json_dataclasses import made
from ltc2neuro.artifact.atomic_write import write_whole
from ltc2neuro.evaluation.chunks import Chunk
from ltc2neuro.evaluation.totals import Totals

FORMAT = 2
PAUSE, SHARE = 1.0, 0.05
"""Seconds between two writings at least, and the share of the time that they may take"""
OTHER = "Give what it was written with, or another file for this evaluation."


class Journal:
    """What is done; with a `path` it is kept there, and found again.

    `told` tells the user's functions from others by what they say. Raises `InputError` where a file there is none.
    """

    def __init__(self, path: str | Path | None, told: Callable[[Totals], dict[str, str]]) -> None:
        self._told = told
        self._path = None if path is None else check_path(path, "journal")
        self._identity: dict[str, str] = {}
        self._chunks: dict[int, str] = {}
        self._scores: dict[int, dict[str, str]] = {}
        self._unproved: set[int] = set()
        self._next = 0.0
        self._new = False
        self.totals = Totals()
        if self._path is not None and not isdir(self._path.parent):
            raise InputError("there is no such folder for the journal", where=str(self._path.parent))
        if self._path is not None and lexists(self._path):
            self._read(self._path)

    def check_of(self, identity: Mapping[str, str]) -> None:
        """Take in what this evaluation is of. Raises `InputError` where a journal that was there is of another one."""
        for name, now in identity.items():
            then = self._identity.setdefault(name, now) if not self._chunks else self._identity.get(name)
            if then != now:
                raise self._error(f"this journal is of another {name}", f"{name} was {then}, now {now}")

    def has(self, chunk: Chunk) -> bool:
        """Whether a chunk is done. Raises `InputError` where that was one of other sequences."""
        if chunk.number not in self._chunks:
            return False
        if self._chunks[chunk.number] != chunk.digest:
            raise self._error("this journal is of other data", f"{chunk} or their targets differ from its own")
        return True

    def unproved(self, chunk: Chunk) -> bool:
        """Whether the user's functions have to say of this chunk what they said when it was done."""
        return chunk.number in self._unproved

    def prove(self, chunk: Chunk, found: Totals) -> None:
        """Raise `InputError` where they say something else: these are others."""
        scores = self._told(found)
        for name, then in self._scores[chunk.number].items():
            if then != scores[name]:
                raise self._error(f"this journal is of another metric {name}", f"{then} of {chunk}, now {scores[name]}")
        self._unproved.remove(chunk.number)

    def add(self, chunk: Chunk, found: Totals) -> None:
        """Count a chunk that is done, once."""
        assert chunk.number not in self._chunks, chunk
        if self._path is not None and not (self._scores and chunk.number & (chunk.number - 1)):  # 0, 1, 2, 4, 8 ...
            self._scores[chunk.number] = self._told(found)
        self._chunks[chunk.number] = "" if self._path is None else chunk.digest
        self.totals = self.totals.joined(found)
        self._new = True
        if time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        """Keep what was counted, but nothing beside what others may have counted."""
        if self._path is None or not self._new or self._unproved:
            return
        began = time.monotonic()
        content: dict[str, object] = {
            "of": self._identity,
            "chunks": [self._chunks.get(number) for number in range(max(self._chunks) + 1)],
            "scores": {str(number): scores for number, scores in self._scores.items()},
            "totals": asdict(self.totals),
        }
        text = json.dumps(content, allow_nan=False)
        whole = f'{{"evaluation": {FORMAT}, "checksum": "{_checksum(text)}", {text[1:]}'
        write_whole(self._path, lambda part: _write(part, whole), "journal")
        self._new, took = False, time.monotonic() - began
        self._next = time.monotonic() + max(PAUSE, took / SHARE)

    def check_end(self, chunks: int) -> None:
        """Raise `InputError` where the data ended before what is done."""
        if self._chunks and max(self._chunks) >= chunks:
            raise self._error("this journal goes on beyond these data", f"{max(self._chunks) + 1} chunks, not {chunks}")

    def _read(self, path: Path) -> None:
        try:
            table = json.loads(path.read_text("utf-8"))
            if not isinstance(table, dict) or table.pop("evaluation", None) != FORMAT:
                raise TypeError("it does not begin as one of this version")
            if table.pop("checksum", None) != _checksum(json.dumps(table)):
                raise ValueError("its checksum is another: it was changed, or damaged")
            totals = made(Totals, table["totals"])
        except OSError as error:
            raise InputError(f"cannot read the journal: {error.strerror}", where=str(path)) from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InputError(
                "this is not the journal of an evaluation",
                where=str(path),
                numbers=f"{error}",
                advice="Name another file.",
            ) from error
        self._identity = table["of"]
        self._chunks = {number: digest for number, digest in enumerate(table["chunks"]) if digest is not None}
        self._scores = {int(number): scores for number, scores in table["scores"].items()}
        self._unproved = {number for number, scores in self._scores.items() if scores}
        self.totals: Totals = totals

    def _error(self, what: str, numbers: str) -> InputError:
        return InputError(what, where=str(self._path), numbers=numbers, advice=OTHER)


def _checksum(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
