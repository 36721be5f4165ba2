"""A number that is not known exactly: low, default and high. Times, energies and powers are given so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    """0 <= low <= default <= high, in SI units. Bands add, and multiply with numbers and with each other.

    The low end of a sum or product comes from the low ends, the high end from the high ends.

    >>> 2 * Band(1, 2, 4) + Band(0, 1, 1)
    Band(low=2, default=5, high=9)
    """

    low: float
    default: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.default <= self.high < float("inf"):
            raise ValueError(f"a band must have 0 <= low <= default <= high: {self.low}, {self.default}, {self.high}")

    @property
    def ends(self) -> tuple[float, float, float]:
        """Low, default and high."""
        return self.low, self.default, self.high

    @staticmethod
    def exact(value: float) -> Band:
        """A number that is known."""
        return Band(value, value, value)

    def __add__(self, other: Band | float) -> Band:
        if not isinstance(other, Band):
            other = Band.exact(other)
        return Band(self.low + other.low, self.default + other.default, self.high + other.high)

    __radd__ = __add__

    def __mul__(self, other: Band | float) -> Band:
        if not isinstance(other, Band):
            other = Band.exact(other)
        return Band(self.low * other.low, self.default * other.default, self.high * other.high)

    __rmul__ = __mul__

    def __truediv__(self, number: float) -> Band:
        return Band(self.low / number, self.default / number, self.high / number)

    def rate(self) -> Band:
        """How many of it in one: 1 / self, so low and high change places. None of its numbers may be 0.

        >>> Band(1, 2, 4).rate()
        Band(low=0.25, default=0.5, high=1.0)
        """
        return Band(1 / self.high, 1 / self.default, 1 / self.low)
