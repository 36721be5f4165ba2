"""Where the instructions of an op stand: what they find where, and names that are free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from compiler.graph.integers import IntegerGraph
from hw_models import isa
from hw_models.chip import Chip

Listing: TypeAlias = list[isa.Instruction]
OperandOf: TypeAlias = Callable[[str], isa.Source]
"""Where a value or constant of the graph is found."""


@dataclass
class Scratch:
    """Fresh names for the registers and labels of one listing."""

    used: int = 0

    def register(self) -> isa.Register:
        """A register that nobody else uses."""
        self.used += 1
        return isa.Register(f"~{self.used}")

    def label(self) -> str:
        """A label that nobody else uses."""
        self.used += 1
        return f"l{self.used}"


@dataclass(frozen=True)
class Spot:
    """A place in the listing of a population."""

    graph: IntegerGraph
    chip: Chip
    place: OperandOf
    scratch: Scratch
