"""Sequences in chunks: each is worked on at once, by one worker.

Which sequences a chunk has depends on the data and the network alone, not on the batches they came in, nor on who
computes: sequences that run side by side in the float network may change one another's last bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from hw_models.arrays import Floats
from ltc2neuro.compiled.record import BaseRecord

SEQUENCES = 128
"""The most that a chunk has"""
ENTERING = 2**20
"""How many numbers may enter: 8 MiB"""
WORKED = 2**22
"""How many there may be of inputs, outputs and states after each sample"""


@dataclass(frozen=True)
class Example:
    """One sequence (time, channels), and what each answer to it should be; None: not told."""

    x: Floats
    targets: tuple[np.ndarray | None, ...]


@dataclass(frozen=True)
class Chunk:
    """Sequences that are worked on at once: so many came before them."""

    number: int
    first: int
    examples: tuple[Example, ...]

    @property
    def digest(self) -> str:
        """Tells these sequences and targets from others: by their values, of whatever type."""
        found = hashlib.blake2b(digest_size=16)
        for example in self.examples:
            for given in (example.x, *example.targets):
                array = None if given is None else narrowed(given)
                shape, kind = ("", "") if array is None else (array.shape, array.dtype.str)
                found.update(f"{shape}{kind};".encode())
                found.update(b"" if array is None else np.ascontiguousarray(array).data)
        return found.hexdigest()

    def __str__(self) -> str:
        last = self.first + len(self.examples) - 1
        return f"sequence {self.first}" if last == self.first else f"sequences {self.first} to {last}"


def narrowed(array: np.ndarray) -> np.ndarray:
    """A copy in float32 where that holds every value, else in float64."""
    with np.errstate(over="ignore"):
        half = array.astype(np.float32)
    return half if np.array_equal(half, array) else array.astype(np.float64)


def chunks(examples: Iterable[Example], record: BaseRecord) -> Iterator[Chunk]:
    """All of them in order; always at least one in a chunk."""
    width = record.enters.host.scale.size + 2 * (
        record.leaves.size + sum(word.size for word in record.state_words.values())
    )
    held: list[Example] = []
    number = first = samples = 0
    for sequence in examples:
        more = samples + len(sequence.x)
        if held and (len(held) == SEQUENCES or more * record.channels > ENTERING or more * width > WORKED):
            yield Chunk(number, first, tuple(held))
            number, first, more, held = number + 1, first + len(held), len(sequence.x), []
        held.append(sequence)
        samples = more
    if held:
        yield Chunk(number, first, tuple(held))
