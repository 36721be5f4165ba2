"""A calibration that comes in batches, as a `DataLoader` makes them: of all its values the ends, of its sequences some.

Whatever compiles goes through the calibration several times, and keeps what it computes of it; so only a part is kept
of what may not fit the memory. Which one is a matter of chance, the same each time: every sequence may be in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np

from hw_models.arrays import Floats
from hw_models.errors import InputError
from ltc2neuro.inputs.arrays import as_array, check_numbers
from ltc2neuro.inputs.layout import Layout

SAMPLES, NUMBERS = 2**14, 2**22
"""How many samples are kept at most, and how many numbers: 32 MiB of them; but always one sequence"""


@dataclass
class Gathered:
    """What is kept of batches: `sequences` (time, *shape), and the smallest and largest of each channel of all."""

    sequences: list[np.ndarray] = field(default_factory=list)
    seen: int = 0
    """how many sequences there were"""
    ends: tuple[Floats, Floats] | None = None


def is_stream(x: object) -> TypeGuard[Iterable[object]]:
    """Whether it makes batches: a loader, a generator, any iterable that is not an array, a list, a dict or a text."""
    return hasattr(x, "__iter__") and not hasattr(x, "__getitem__") and not hasattr(x, "__array__")


def gathered(batches: Iterable[object], layout: Layout) -> Gathered:
    """What is kept of `batches`: each an array as `layout` says, or a tuple or list that begins with one, as (x, y).

    One batch after the other is looked at. All sequences are kept up to `SAMPLES` and `NUMBERS`, of more a random
    choice. Raises `InputError` for a batch that is no array of numbers, or of another shape than those before.
    """
    found, held = Gathered(), _Held()
    shape: tuple[int, ...] | None = None
    for number, batch in enumerate(batches):
        what = f"batch {number} of the calibration"
        array = as_array(batch[0] if isinstance(batch, (tuple, list)) and batch else batch, what)
        if array.ndim < 2 or (shape is not None and array.shape[2:] != shape):
            expected = layout.shape(*("features",) if shape is None else shape)
            raise InputError(
                f"{what} has the wrong shape",
                numbers=f"shape {array.shape}, expected {expected}",
                advice="Give batches of sequences of one kind, alone or first in a tuple: (x, y).",
            )
        check_numbers(array, what)
        shape = array.shape[2:]
        if array.size:
            flat = array.reshape(-1, array[0, 0].size).astype(np.float64)
            low, high = flat.min(axis=0), flat.max(axis=0)
            found.ends = (low, high) if found.ends is None else (
                np.minimum(low, found.ends[0]), np.maximum(high, found.ends[1])
            )  # fmt: skip
        for sequence in layout.rows(array):
            held.offer(found.seen, sequence)
            found.seen += 1
    found.sequences = held.in_order
    return found


class _Held:
    """Sequences by the chance that each drew: where there is too much, the one that drew the largest number goes."""

    def __init__(self) -> None:
        self._chances = np.random.default_rng(0)
        self._heap: list[tuple[float, int, np.ndarray]] = []
        self._samples = self._numbers = 0

    def offer(self, number: int, sequence: np.ndarray) -> None:
        """Keep a copy of a sequence, if there is room or it takes another's: the batch's own memory is free again."""
        chance = -float(self._chances.random())
        if self._full(len(sequence), sequence.size) and self._heap and chance < self._heap[0][0]:
            return
        heapq.heappush(self._heap, (chance, number, sequence.copy()))
        self._samples, self._numbers = self._samples + len(sequence), self._numbers + sequence.size
        while self._full() and len(self._heap) > 1:
            gone = heapq.heappop(self._heap)[2]
            self._samples, self._numbers = self._samples - len(gone), self._numbers - gone.size

    def _full(self, samples: int = 0, numbers: int = 0) -> bool:
        return self._samples + samples > SAMPLES or self._numbers + numbers > NUMBERS

    @property
    def in_order(self) -> list[np.ndarray]:
        """All that is kept, as it came."""
        return [sequence for _, _, sequence in sorted(self._heap, key=lambda item: item[1])]
