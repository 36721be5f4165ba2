"""A calibration that comes in batches, as a `DataLoader` makes them: of all its values the ends, of its sequences some.

Whatever compiles goes through the calibration several times, and keeps what it computes of it; so only a part is kept
of what may not fit the memory. Which one is a matter of chance, the same each time: every sequence may be in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from hw_models.errors import InputError
from ltc2neuro.inputs.arrays import Sequences
from ltc2neuro.inputs.several import is_several

SAMPLES, NUMBERS = 2**14, 2**22
"""How many samples are kept at most, and how many numbers: 32 MiB of them; but always one sequence"""


def is_stream(x: object) -> TypeGuard[Iterable[object]]:
    """Whether it makes batches: a loader, a generator, any iterable that is not an array, a list, a dict or a text."""
    return hasattr(x, "__iter__") and not hasattr(x, "__getitem__") and not hasattr(x, "__array__")


def inputs_of(batch: object, needed: Collection[str], known: Callable[[object], Collection[str]]) -> object:
    """What of a batch is for a model that needs these inputs, of all that are `known` to it.

    Of a tuple or list, as loaders make them of (x, y), (x, u, y), ((x, u), y) and ({"x": x, "u": u}, y), the first; of
    a dict that has all what the model knows.
    """
    if isinstance(batch, (tuple, list)) and batch:
        first, *others = batch[: max(1, len(needed))]
        beside = isinstance(first, (tuple, list)) and is_several(tuple(first))
        if isinstance(first, Mapping) or len(needed) < 2:
            batch = first
        elif beside and not any(isinstance(other, (tuple, list)) for other in others):
            batch = tuple(first)
        else:
            batch = (first, *others)
    if isinstance(batch, Mapping) and all(name in batch for name in needed):
        return {name: x for name, x in batch.items() if name in known(batch)}
    return batch


def gathered(batches: Iterable[Sequences]) -> tuple[Sequences, int]:
    """What is kept of batches, with the ends of all where that is a part, and how many sequences there were.

    One batch after the other is looked at. All sequences are kept up to `SAMPLES` and `NUMBERS`, of more a random
    choice. Raises `InputError` for a batch of another shape than those before.
    """
    found, held, seen = Sequences((), ragged=False), _Reservoir(), 0
    for number, batch in enumerate(batches):
        if number and batch.sample_shape != found.sample_shape:
            raise InputError(
                "a batch of the calibration has another shape than those before",
                where=f"batch {number} of the calibration",
                numbers=f"samples {batch.sample_shape}, expected {found.sample_shape}",
            )
        ends = [found.ends] if found.ends is not None else []
        ends += [(a.min(axis=0), a.max(axis=0)) for a in batch.arrays if a.size]
        whole = batch.whole and (found.whole or not number)
        found = replace(batch, arrays=(), whole=whole, ends=None)
        if ends:
            low, high = zip(*ends, strict=True)
            found = replace(found, ends=(np.min(low, axis=0), np.max(high, axis=0)))
        for sequence in batch.arrays:
            held.offer(seen, sequence)
            seen += 1
    arrays = tuple(held.in_order)
    return replace(found, arrays=arrays, ends=None if len(arrays) == seen else found.ends), seen


class _Reservoir:
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
