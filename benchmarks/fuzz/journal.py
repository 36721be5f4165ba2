"""What has been tried and how it came out: a file of JSON lines, one a chunk of seeds, so that a run can go on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Chunk:
    """The seeds from `start` up to `stop`, how often each outcome came, and what went wrong, by seed."""

    start: int
    stop: int
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)


class Journal:
    """The chunks that are done. With a path they are on disk as soon as `add` returns; a torn last line is dropped."""

    def __init__(self, kind: str, path: Path | None = None) -> None:
        self.path, self.chunks = path, list[Chunk]()
        if path is None:
            return
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        if lines and not json.dumps({"kind": kind}).encode().startswith(lines[0].rstrip(b"\n")):
            first = lines[0][:100].decode(errors="replace")
            raise SystemExit(f"{path} is not a journal, or one of another kind: {first}")
        if lines and not lines[-1].endswith(b"\n"):
            path.write_bytes(b"".join(lines := lines[:-1]))
        if not lines:
            self._append({"kind": kind})
        for line in lines[1:]:
            table = json.loads(line)
            failures = {int(seed): text for seed, text in table["failures"].items()}
            self.chunks.append(Chunk(*table["seeds"], Counter(table["outcomes"]), failures))

    def add(self, chunk: Chunk) -> None:
        """Keep a chunk."""
        self.chunks.append(chunk)
        if self.path is not None:
            seeds = [chunk.start, chunk.stop]
            self._append({"seeds": seeds, "outcomes": dict(chunk.outcomes), "failures": chunk.failures})

    def _append(self, table: dict[str, object]) -> None:
        assert self.path is not None
        with self.path.open("ab") as file:
            file.write(json.dumps(table).encode() + b"\n")

    def missing(self, size: int, count: int | None = None) -> Iterator[Chunk]:
        """The chunks of at most `size` seeds that are not done yet, of the first `count` seeds or for ever."""
        done = sorted((c.start, c.stop) for c in self.chunks)
        start = 0
        for low, high in [*done, (count, count)]:
            while low is None or start < low:
                stop = start + size if low is None else min(start + size, low)
                if count is not None and start >= count:
                    return
                yield Chunk(start, stop)
                start = stop
            start = max(start, high or 0)

    @property
    def tried(self) -> int:
        """How many seeds are done."""
        return sum(c.stop - c.start for c in self.chunks)

    @property
    def outcomes(self) -> Counter[str]:
        """How often each outcome came."""
        return sum((c.outcomes for c in self.chunks), Counter())

    @property
    def failures(self) -> dict[int, str]:
        """What went wrong, by seed."""
        return {seed: text for c in sorted(self.chunks, key=lambda c: c.start) for seed, text in c.failures.items()}
