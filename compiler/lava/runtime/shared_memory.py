"""What travels between the program and Lava's processes: rows of integers in memory that a fork shares.

Each Lava process is a process of the operating system, forked from the program. An anonymous shared mapping needs
no name and no clean-up, and what a child writes the parent reads: no message a value, as a Var would need.
"""

from __future__ import annotations

import math
import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hw_models.errors import LavaError

if TYPE_CHECKING:
    from lava.magma.core.process.variable import Var

Int32 = npt.NDArray[np.int32]


def shared(*shape: int) -> Int32:
    """An int32 array of zeros that the program and the processes forked from it share.

    >>> shared(2, 3).shape
    (2, 3)
    """
    size = math.prod(shape)
    memory = mmap.mmap(-1, max(4 * size, 1))
    return np.frombuffer(memory, np.int32, count=size).reshape(shape)


@dataclass(frozen=True)
class ChannelMemory:
    """What a channel of Lava keeps its messages in."""

    buf: memoryview


class AnonymousMemory:
    """Memory for Lava's channels, in place of its manager: that is a process more, asked over a socket for each."""

    def create_shared_memory(self, size: int) -> ChannelMemory:
        """So many bytes, which the processes forked from here share."""
        return ChannelMemory(memoryview(mmap.mmap(-1, max(size, 1))))

    def shutdown(self) -> None:
        """The memory is freed with its channels."""


@dataclass(frozen=True)
class SampleRows:
    """One row a sample; sample k's belongs to `hold` ticks from `first` + k * `period` on, ticks counted from 0.

    >>> rows = SampleRows(np.array([[5], [6]], np.int32), first=3, period=2)
    >>> [rows.at(tick) for tick in (2, 3, 4, 5, 7)]
    [None, array([5], dtype=int32), None, array([6], dtype=int32), None]
    """

    values: Int32
    """(samples, size)"""
    first: int
    period: int
    hold: int = 1

    def at(self, tick: int) -> Int32 | None:
        """The row of the sample to which `tick` belongs, if it belongs to one."""
        sample, off = divmod(tick - self.first, self.period)
        return self.values[sample] if off < self.hold and 0 <= sample < len(self.values) else None


@dataclass(frozen=True)
class StateVar:
    """Where a state lies: elements `start` to `stop` of `var`, which a `Monitor` can probe."""

    var: Var
    start: int
    stop: int
    settable: bool = True
    """whether there is a tick between two samples at which it can be set"""

    def get(self) -> npt.NDArray[np.int64]:
        """The state's integers; only between runs."""
        return self.var.get()[self.start : self.stop].astype(np.int64)

    def set(self, integers: npt.ArrayLike) -> None:
        """Give the state other integers; only between runs, and only where samples do not overlap."""
        if not self.settable:
            raise LavaError(
                "samples overlap: when one has ended, the next has used the state",
                where=self.var.name,
                advice="Make the process with options=Options(Overlap.NONE) to set states between samples.",
            )
        whole = self.var.get()
        whole[self.start : self.stop] = integers
        self.var.set(whole)
