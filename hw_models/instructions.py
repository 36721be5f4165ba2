"""The chip's instructions as data: small frozen dataclasses over virtual registers.

A listing is a flat tuple of instructions that every neuron of a population executes once a tick, from
the first to the last; a skip only goes forward. Neurons take skips one by one: an executor masks those
that skipped. Each class names the documented Loihi 2 instruction family that it belongs to
(`family`), how sure that is (`sure`: documented, recalled or inferred) and its cost in instructions.
Import the module, not the names: `from hw_models import instructions as isa`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, TypeAlias


@dataclass(frozen=True)
class Register:
    """A temporary of one tick: virtual, as many as a program wants."""

    name: str


@dataclass(frozen=True)
class Word:
    """A word of the neuron: a parameter, a state or a latch. It keeps its value from tick to tick."""

    name: str


@dataclass(frozen=True)
class Immediate:
    """A constant of the program, the same for all its neurons."""

    value: int


@dataclass(frozen=True)
class Accumulator:
    """The sum that arrived in this tick at input port `port`."""

    port: int


Source: TypeAlias = Register | Word | Immediate | Accumulator
Target: TypeAlias = Register | Word


@dataclass(frozen=True)
class Instruction:
    """Base of all instructions."""

    family: ClassVar[str] = ""
    sure: ClassVar[str] = "recalled"
    cost: ClassVar[int] = 1


@dataclass(frozen=True)
class Move(Instruction):
    """dest = a."""

    family: ClassVar[str] = "move"
    dest: Target
    a: Source


@dataclass(frozen=True)
class Add(Instruction):
    """dest = a + b."""

    family: ClassVar[str] = "add"
    dest: Target
    a: Source
    b: Source


@dataclass(frozen=True)
class Subtract(Instruction):
    """dest = a - b: an add of the negative."""

    family: ClassVar[str] = "add, negate"
    dest: Target
    a: Source
    b: Source


@dataclass(frozen=True)
class Minimum(Instruction):
    """dest = min(a, b)."""

    family: ClassVar[str] = "minimum"
    dest: Target
    a: Source
    b: Source


@dataclass(frozen=True)
class Maximum(Instruction):
    """dest = max(a, b): a compare and a move."""

    family: ClassVar[str] = "compare, move"
    cost: ClassVar[int] = 2
    dest: Target
    a: Source
    b: Source


@dataclass(frozen=True)
class And(Instruction):
    """dest = a & b."""

    family: ClassVar[str] = "and"
    dest: Target
    a: Source
    b: Source


@dataclass(frozen=True)
class MultiplyShift(Instruction):
    """dest = floor(a * b / 2^shift), 0 <= shift; the product's magnitude stays below 2^31."""

    family: ClassVar[str] = "multiply with shift right"
    dest: Target
    a: Source
    b: Source
    shift: Source


@dataclass(frozen=True)
class ShiftLeft(Instruction):
    """dest = a * 2^amount, amount >= 0; the program has made sure that it fits the word."""

    family: ClassVar[str] = "shift left"
    dest: Target
    a: Source
    amount: Source


@dataclass(frozen=True)
class ShiftRight(Instruction):
    """dest = floor(a / 2^amount), amount >= 0: a multiply by one with shift right."""

    family: ClassVar[str] = "multiply with shift right"
    dest: Target
    a: Source
    amount: Source


class Test(Enum):
    """How `SkipUnless` and `Select` compare."""

    __test__ = False  # not one of pytest's

    LESS = "<"
    LESS_EQUAL = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="


@dataclass(frozen=True)
class Compare(Instruction):
    """dest = 1 where `a test b`, else 0: a compare to the flag, and a move of it."""

    family: ClassVar[str] = "compare"
    dest: Target
    a: Source
    b: Source
    test: Test


@dataclass(frozen=True)
class Select(Instruction):
    """dest = a where condition != 0, else b."""

    family: ClassVar[str] = "select"
    dest: Target
    condition: Source
    a: Source
    b: Source


@dataclass(frozen=True)
class SkipUnless(Instruction):
    """Continue at label `to`, further down, unless `a test b`: a compare and a conditional skip."""

    family: ClassVar[str] = "compare, conditional skip"
    cost: ClassVar[int] = 2
    a: Source
    b: Source
    test: Test
    to: str


@dataclass(frozen=True)
class Skip(Instruction):
    """Continue at label `to`, further down."""

    family: ClassVar[str] = "jump"
    to: str


@dataclass(frozen=True)
class Label(Instruction):
    """A place to skip to; costs nothing."""

    family: ClassVar[str] = "-"
    sure: ClassVar[str] = "documented"
    cost: ClassVar[int] = 0
    name: str


@dataclass(frozen=True)
class Send(Instruction):
    """Send `a` at output port `port`; a port at which nothing is sent in a tick carries 0."""

    family: ClassVar[str] = "spike with payload"
    sure: ClassVar[str] = "documented"
    port: int
    a: Source
