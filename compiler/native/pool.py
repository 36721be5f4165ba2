"""Arrays laid end to end in one, each array once, which a kernel reads by an offset; and rows for a block's own use."""

from __future__ import annotations

import numpy as np

from hw_models.arrays import Integers


class Pool:
    """Arrays of `bits`-bit integers, each of a multiple of `whole` of them, zeros at its end."""

    def __init__(self, bits: int, whole: int) -> None:
        self.dtype, self.whole = np.dtype(f"int{bits}"), whole
        self._parts: list[Integers] = []
        self._known: dict[bytes, int] = {}
        self._size = 0

    def put(self, array: np.ndarray) -> int:
        """Where `array` begins."""
        part = np.ascontiguousarray(array, self.dtype).ravel()
        part = np.append(part, np.zeros(-part.size % self.whole, self.dtype))
        key = part.tobytes()
        if key not in self._known:
            self._known[key] = self._size
            self._parts.append(part)
            self._size += part.size
        return self._known[key]

    def joined(self) -> np.ndarray:
        """All of them."""
        return np.concatenate(self._parts) if self._parts else np.zeros(1, self.dtype)


class ScratchRows:
    """Rows from `first` on that are whatever the block in hand has put there, once for each `key`."""

    def __init__(self, first: int) -> None:
        self._first = self._next = self.end = first
        self._known: dict[bytes, int] = {}

    def begin(self) -> None:
        """A block begins: nothing is there."""
        self._next = self._first
        self._known.clear()

    def find(self, key: bytes) -> int | None:
        """Where the rows lie that are already there."""
        return self._known.get(key)

    def take(self, key: bytes, rows: int) -> int:
        """Where so many rows may be put."""
        start = self._known[key] = self._next
        self._next += rows
        self.end = max(self.end, self._next)
        return start
