"""Affine maps of messages: what a connection of library processes can compute, and a bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hw_models.arrays import Floats, Integers


@dataclass(frozen=True)
class Tap:
    """What a node sends in this iteration, or in the one before."""

    node: str
    before: bool = False


@dataclass(frozen=True)
class Affine:
    """offset + the sum of matrix @ message over `parts`; matrices are (size, size of the message)."""

    offset: Floats
    parts: Mapping[Tap, Floats]

    @property
    def size(self) -> int:
        """Elements of the result."""
        return self.offset.size

    @property
    def is_constant(self) -> bool:
        """Whether it reads no message."""
        return not self.parts

    def sum(self, other: Affine) -> Affine:
        """Both added up."""
        parts = dict(self.parts)
        for tap, matrix in other.parts.items():
            parts[tap] = parts[tap] + matrix if tap in parts else matrix
        return Affine(self.offset + other.offset, parts)

    def less(self, other: Affine) -> Affine:
        """The difference."""
        return self.sum(other.scaled(-np.ones(other.size)))

    def scaled(self, factor: Floats) -> Affine:
        """Each element times its factor."""
        return Affine(self.offset * factor, {t: m * factor.reshape(-1, 1) for t, m in self.parts.items()})

    def through(self, matrix: Floats) -> Affine:
        """matrix @ self."""
        return Affine(matrix @ self.offset, {t: matrix @ m for t, m in self.parts.items()})

    def rows(self, index: Integers) -> Affine:
        """The elements of `index`."""
        return Affine(self.offset[index], {t: m[index] for t, m in self.parts.items()})

    def added_up(self, segment: Integers, size: int) -> Affine:
        """Element j of the result is the sum of the elements i with segment[i] == j."""

        def add(array: Floats) -> Floats:
            total = np.zeros((size, *array.shape[1:]))
            np.add.at(total, segment, array)
            return total

        return Affine(add(self.offset), {t: add(m) for t, m in self.parts.items()})

    def without_zeros(self) -> Affine:
        """The same without the messages that count nowhere."""
        return Affine(self.offset, {t: m for t, m in self.parts.items() if m.any()})


def constant(values: Floats) -> Affine:
    """An affine map that reads nothing."""
    return Affine(np.asarray(values, np.float64), {})


def message(tap: Tap, size: int) -> Affine:
    """A message as it is."""
    return Affine(np.zeros(size), {tap: np.eye(size)})


def join_affine(parts: Sequence[Affine]) -> Affine:
    """All elements one after another."""
    sizes = [p.size for p in parts]
    starts = np.cumsum([0, *sizes])
    found: dict[Tap, Floats] = {}
    for part, start in zip(parts, starts, strict=False):
        for tap, matrix in part.parts.items():
            whole = found.setdefault(tap, np.zeros((int(starts[-1]), matrix.shape[1])))
            whole[start : start + part.size] += matrix
    return Affine(np.concatenate([p.offset for p in parts]), found)
