"""Types of arrays that all packages name alike; what lies where in joined arrays, and which have one length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Sized
from itertools import accumulate, pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = np.ndarray
"""Of any type, where each is what it must be"""
AnyArray: TypeAlias = npt.NDArray[np.generic]
"""Of a type that is to be looked at first"""
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


def by_length(sequences: Sequence[Sized], most: int | None = None) -> list[list[int]]:
    """The numbers of the sequences that have one length, at most so many together."""
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for number, sequence in enumerate(sequences):
        groups[len(sequence)].append(number)
    count = most or max(1, len(sequences))
    return [numbers[i : i + count] for numbers in groups.values() for i in range(0, len(numbers), count)]


def slices_of(sizes: Iterable[int], start: int = 0) -> list[slice]:
    """Where vectors of these sizes lie that are joined, the first of them from `start` on.

    >>> slices_of([2, 3])
    [slice(0, 2, None), slice(2, 5, None)]
    """
    return [slice(low, high) for low, high in pairwise(accumulate(sizes, initial=start))]


def located(index: Integers, sizes: Iterable[int]) -> tuple[Integers, Integers]:
    """Of elements of joined vectors of these sizes, by their numbers: which vector each is in, and where in it.

    >>> located(np.array([1, 2, 4]), [2, 3])
    (array([0, 1, 1]), array([1, 0, 2]))
    """
    starts = np.cumsum([0, *sizes])
    vector = np.searchsorted(starts, index, side="right") - 1
    return vector, index - starts[vector]
