"""Fixed-point formats and integer arithmetic: the code of `docs/integer-semantics.md`.

A number is an integer times 2^-fraction. The reference executor uses these functions; the Lava
interpreter and the floating executor must not, or their agreement would prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

SEMANTICS_VERSION = 1
"""The version of `docs/integer-semantics.md`: a change of any result raises it."""

AnyIntegers: TypeAlias = npt.NDArray[np.signedinteger]


@dataclass(frozen=True)
class Format:
    """A value's format: `fraction` fraction bits, and the integers `low` to `high` it may hold.

    >>> q = Format(fraction=2, low=-8, high=7)
    >>> q.bits, q.lsb, q.real_low, q.real_high
    (4, 0.25, -2.0, 1.75)
    """

    fraction: int
    low: int
    high: int

    @property
    def bits(self) -> int:
        """Width of a two's complement word that holds `low` to `high`."""
        return max((-self.low - 1).bit_length() if self.low < 0 else 0, max(self.high, 0).bit_length()) + 1

    @property
    def lsb(self) -> float:
        """The real weight of the least significant bit."""
        return 2.0**-self.fraction

    @property
    def real_low(self) -> float:
        """The smallest real value."""
        return self.low * self.lsb

    @property
    def real_high(self) -> float:
        """The largest real value."""
        return self.high * self.lsb

    @property
    def magnitude(self) -> int:
        """The largest absolute integer."""
        return max(abs(self.low), abs(self.high))

    def quantize(self, real: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], int]:
        """Round half up and saturate; returns the integers and how many were saturated.

        >>> Format(0, -4, 3).quantize([0.5, -0.5, 9.0])
        (array([1, 0, 3]), 1)
        """
        scaled = np.floor(np.asarray(real, np.float64) * 2.0**self.fraction + 0.5)
        clipped = np.clip(scaled, self.low, self.high)
        return clipped.astype(np.int64), int(np.count_nonzero(clipped != scaled))

    def dequantize(self, integers: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The real values of `integers`."""
        return np.asarray(integers, np.float64) * self.lsb


def floor_shift(x: AnyIntegers, shift: int | AnyIntegers) -> AnyIntegers:
    """floor(x / 2^shift), shift >= 0.

    >>> floor_shift(np.array([-3, 3]), 1)
    array([-2,  1])
    """
    return np.right_shift(x, shift)


def round_shift(x: AnyIntegers, shift: int) -> AnyIntegers:
    """floor(x / 2^shift + 1/2): rounds half up, and overflows for no word.

    >>> round_shift(np.array([-3, -2, -1, 1, 3]), 1)
    array([-1, -1,  0,  1,  2])
    """
    return x if shift == 0 else np.right_shift(x, shift) + (np.right_shift(x, shift - 1) & 1)


def mul_shift(a: AnyIntegers, b: AnyIntegers, shift: int | AnyIntegers) -> AnyIntegers:
    """floor(a * b / 2^shift), shift >= 0; the caller has proved that the product fits.

    >>> mul_shift(np.array([-5, 5]), np.array([3, 3]), 2)
    array([-4,  3])
    """
    return np.right_shift(a * b, shift)


def saturate(x: AnyIntegers, low: int, high: int) -> tuple[AnyIntegers, int]:
    """Clip to low..high; returns the integers and how many were changed.

    >>> saturate(np.array([-9, 0, 9]), -4, 3)
    (array([-4,  0,  3]), 2)
    """
    clipped = np.minimum(np.maximum(x, low), high)  # np.clip looks at the type each time
    return clipped, int(np.count_nonzero(clipped != x))


def shift_saturate(x: AnyIntegers, amount: AnyIntegers, low: int, high: int) -> tuple[AnyIntegers, int]:
    """x * 2^amount, saturated to low..high, which hold a multiple of 2^amount; amount < 0 floors.

    For amount > 0 x is clipped before the shift, to ceil(low / 2^amount) .. floor(high / 2^amount), so that no
    word overflows on the way; for amount < 0 the shifted x is clipped.

    >>> shift_saturate(np.array([5, 5, -5]), np.array([1, 2, -1]), -16, 15)
    (array([10, 12, -3]), 1)
    """
    left = np.maximum(amount, 0)
    top = np.right_shift(np.full_like(left, high), left)
    bottom = -np.right_shift(np.full_like(left, -low), left)
    shifted = np.right_shift(x, np.maximum(-amount, 0))
    clipped = np.minimum(np.maximum(shifted, bottom), top)
    return np.left_shift(clipped, left), int(np.count_nonzero(clipped != shifted))
