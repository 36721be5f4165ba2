"""The plan of an iteration: which nodes compute what, at which tick, still in real numbers.

An iteration of the network's loop begins at the source at tick 0, and a node at level l answers it at
tick l. The next iteration begins `period` ticks later, when the states have come round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from compiler.library_processes.affine import Affine
from hw_models.arrays import Floats


@dataclass(frozen=True)
class HostSource:
    """What the host sends at the start of each iteration; `magnitude` bounds each channel."""

    name: str
    size: int
    magnitude: Floats
    level: int = 0


@dataclass(frozen=True)
class Bank:
    """One piecewise linear function an element: knots and values there (size, count). It sends its hinges.

    `reach` is how far the argument goes, from its lowest value or knot to its highest.
    """

    name: str
    size: int
    level: int
    argument: Affine
    knots: Floats
    values: Floats
    reach: Floats


@dataclass(frozen=True)
class Product:
    """a * b; the magnitudes bound both factors."""

    name: str
    size: int
    level: int
    a: Affine
    b: Affine
    a_magnitude: Floats
    b_magnitude: Floats


@dataclass(frozen=True)
class Root:
    """1 / sqrt(x); `low` and `high` bound x."""

    name: str
    size: int
    level: int
    x: Affine
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Relay:
    """x, as a message of its own: a state that is a sum."""

    name: str
    size: int
    level: int
    x: Affine
    magnitude: Floats


Node: TypeAlias = "HostSource | Bank | Product | Root | Relay"


@dataclass(frozen=True)
class ProcessPlan:
    """The nodes in the order of their levels; which node is which state; what the host reads."""

    nodes: dict[str, Node]
    states: dict[str, str]
    """the node that sends each state's next value"""
    held: dict[str, tuple[Floats, Floats]]
    """between which bounds each state is read: what it is beyond has saturated"""
    output: Affine
    output_magnitude: Floats
    period: int
    repeat: int
    """iterations a sample"""
