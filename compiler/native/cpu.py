"""What machine code depends on of a CPU."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cpu:
    """The lanes of 32 bits that one instruction permutes, 0 where there is none."""

    permutes: int
    register: int
    """bytes of a vector register"""
    accumulates: bool = False
    """whether one instruction multiplies pairs of 16 bits and adds them to a sum"""


PLAIN = Cpu(0, 16)
"""What every CPU has that LLVM knows vectors of, such as ARM's"""
