"""What may enter a network from a user's process, and when: whole numbers within the input's format, or an error.

Lava hands on whatever a process sends: numbers beyond the format would wrap on the chip, and under no tag, or under
`floating_pt`, its own sources send floats. A whole number in a float is the same integer, and passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from compiler.lava.runtime.shared_memory import Int32
from hw_models.errors import LavaError

Numbers: TypeAlias = "npt.NDArray[np.int64] | npt.NDArray[np.float64]"


@dataclass(frozen=True)
class Entering:
    """Integers from `low` to `high` enter at tick `first` + k * `period`, ticks counted from 0.

    Nothing but 0 is silence and enters as it is, in whatever range: a sender has no more samples, but results are due.
    `conversion` makes them of another network's outputs, (lanes, outputs) to (lanes, features); `outputs` is
    how many it has.

    >>> Entering(-8, 7).at(0, np.array([3.0, -8.0]), "net.inp")
    array([ 3, -8], dtype=int32)
    >>> Entering(5, 7).at(0, np.array([0, 0]), "net.inp")
    array([0, 0], dtype=int32)
    >>> every_third = Entering(-8, 7, first=2, period=3)
    >>> [tick for tick in range(9) if every_third.at(tick, np.array([1]), "net.inp") is not None]
    [2, 5, 8]
    """

    low: int
    high: int
    first: int = 0
    period: int = 1
    conversion: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]] | None = None
    lanes: int = 1
    outputs: int | None = None

    def at(self, tick: int, sent: Numbers, port: str) -> Int32 | None:
        """The integers that enter at `tick` where `sent` (size * lanes) is at the port; None between samples.

        Raises `LavaError` that names the `port`, the feature and the number.
        """
        sample, off = divmod(tick - self.first, self.period)
        if off or sample < 0:
            return None
        if self.conversion is not None:
            results = np.asarray(sent, np.int64).reshape(-1, self.lanes).T
            return self.conversion(results).T.astype(np.int32).ravel()
        with np.errstate(invalid="ignore"):
            wrong = ~((sent >= self.low) & (sent <= self.high) & (sent == np.floor(sent)))
        if wrong.any() and sent.any():
            self._refuse(sent, int(wrong.argmax()), sample, tick, port)
        return sent.astype(np.int32)

    def _refuse(self, sent: Numbers, element: int, sample: int, tick: int, port: str) -> None:
        value = sent[element].item()
        whole = isinstance(value, int) or (np.isfinite(value) and value == np.floor(value))
        raise LavaError(
            f"port {port} got a number beyond the input's format" if whole else f"port {port} got a non-integer",
            where=f"{port}, feature {element // self.lanes}, sample {sample}, time step {tick + 1}",
            numbers=f"{int(value) if whole else value}, but integers from {self.low} to {self.high} can enter",
            advice="Send the integers that net.quantize(x) returns.",
        )
