"""The chip's instructions as data: small frozen dataclasses over virtual registers.

A listing is a flat tuple of instructions that every neuron of a population executes once a tick, from
the first to the last; a skip only goes forward. Neurons take skips one by one: an executor masks those
that skipped. Each class names the documented Loihi 2 instruction family that it belongs to
(`family`), how sure that is (`sure`: documented, recalled or inferred), its cost in instructions, and its
written form (`form`), in which {field} stands for a field. docs/instruction-set.md describes them.
Import the module, not the names: `from hw_models import isa`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from functools import cache, cached_property
from typing import ClassVar, TypeAlias


@dataclass(frozen=True)
class Register:
    """A temporary of one tick: virtual, as many as a program wants, until registers are allocated.

    `value` names for readers what an allocated register holds; it changes nothing.
    """

    name: str
    value: str = field(default="", compare=False)

    def __hash__(self) -> int:  # without a tuple: passes over listings look places up all the time
        return hash(self.name)


@dataclass(frozen=True)
class Word:
    """A word of the neuron: a parameter, a state or a latch. It keeps its value from tick to tick."""

    name: str

    def __hash__(self) -> int:
        return hash(self.name)


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
    form: ClassVar[str] = ""

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """What the instruction reads, in the order of its fields.

        >>> Add(Register("z"), Accumulator(0), Immediate(5)).sources
        (Accumulator(port=0), Immediate(value=5))
        """
        values = (getattr(self, name) for name in _read_fields(type(self)))
        return tuple(v for v in values if isinstance(v, (Register, Word, Immediate, Accumulator)))


@dataclass(frozen=True)
class Move(Instruction):
    """dest = a."""

    family: ClassVar[str] = "move"
    form: ClassVar[str] = "{dest} = {a}"
    dest: Target
    a: Source


@dataclass(frozen=True)
class OfTwo(Instruction):
    """Base of those that make a value of two."""

    dest: Target
    a: Source
    b: Source


@dataclass(frozen=True)
class Add(OfTwo):
    """dest = a + b."""

    family: ClassVar[str] = "add"
    form: ClassVar[str] = "{dest} = {a} + {b}"


@dataclass(frozen=True)
class Subtract(OfTwo):
    """dest = a - b: an add of the negative."""

    family: ClassVar[str] = "add, negate"
    form: ClassVar[str] = "{dest} = {a} - {b}"


@dataclass(frozen=True)
class Minimum(OfTwo):
    """dest = min(a, b)."""

    family: ClassVar[str] = "minimum"
    form: ClassVar[str] = "{dest} = min({a}, {b})"


@dataclass(frozen=True)
class Maximum(OfTwo):
    """dest = max(a, b): a compare and a move."""

    family: ClassVar[str] = "compare, move"
    cost: ClassVar[int] = 2
    form: ClassVar[str] = "{dest} = max({a}, {b})"


@dataclass(frozen=True)
class And(OfTwo):
    """dest = a & b."""

    family: ClassVar[str] = "and"
    form: ClassVar[str] = "{dest} = {a} & {b}"


@dataclass(frozen=True)
class MultiplyShift(OfTwo):
    """dest = floor(a * b / 2^shift), 0 <= shift; the product's magnitude stays below 2^31."""

    family: ClassVar[str] = "multiply with shift right"
    form: ClassVar[str] = "{dest} = {a} * {b} >> {shift}"
    shift: Source


@dataclass(frozen=True)
class ShiftLeft(Instruction):
    """dest = a * 2^amount, amount >= 0; the program has made sure that it fits the word."""

    family: ClassVar[str] = "shift left"
    form: ClassVar[str] = "{dest} = {a} << {amount}"
    dest: Target
    a: Source
    amount: Source


@dataclass(frozen=True)
class ShiftRight(Instruction):
    """dest = floor(a / 2^amount), amount >= 0: a multiply by one with shift right."""

    family: ClassVar[str] = "multiply with shift right"
    form: ClassVar[str] = "{dest} = {a} >> {amount}"
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
class Compare(OfTwo):
    """dest = 1 where `a test b`, else 0: a compare, whose flag a select then reads."""

    family: ClassVar[str] = "compare"
    form: ClassVar[str] = "{dest} = {a} {test} {b}"
    test: Test


@dataclass(frozen=True)
class Select(Instruction):
    """dest = a where condition != 0, else b."""

    family: ClassVar[str] = "select"
    form: ClassVar[str] = "{dest} = {condition} ? {a} : {b}"
    dest: Target
    condition: Source
    a: Source
    b: Source


@dataclass(frozen=True)
class SkipUnless(Instruction):
    """Continue at label `to`, further down, unless `a test b`: a compare and a conditional skip."""

    family: ClassVar[str] = "compare, conditional skip"
    cost: ClassVar[int] = 2
    form: ClassVar[str] = "skip to {to} unless {a} {test} {b}"
    a: Source
    b: Source
    test: Test
    to: str


@dataclass(frozen=True)
class Skip(Instruction):
    """Continue at label `to`, further down."""

    family: ClassVar[str] = "jump"
    form: ClassVar[str] = "skip to {to}"
    to: str


@dataclass(frozen=True)
class Label(Instruction):
    """A place to skip to; costs nothing."""

    family: ClassVar[str] = "-"
    sure: ClassVar[str] = "documented"
    cost: ClassVar[int] = 0
    form: ClassVar[str] = "{name}:"
    name: str


@dataclass(frozen=True)
class Send(Instruction):
    """Send `a` at output port `port`; a port at which nothing is sent in a tick carries 0."""

    family: ClassVar[str] = "spike with payload"
    sure: ClassVar[str] = "documented"
    form: ClassVar[str] = "send{port} {a}"
    port: int
    a: Source


INSTRUCTIONS: tuple[type[Instruction], ...] = (
    Move, Add, Subtract, Minimum, Maximum, And, MultiplyShift, ShiftLeft, ShiftRight,
    Compare, Select, SkipUnless, Skip, Label, Send,
)  # fmt: skip
"""All kinds."""


@cache
def _read_fields(kind: type[Instruction]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.name != "dest")


def target(instruction: Instruction) -> Target | None:
    """What the instruction writes; None for skips, labels and sends."""
    found = getattr(instruction, "dest", None)
    return found if isinstance(found, (Register, Word)) else None


def with_target(instruction: Instruction, dest: Target) -> Instruction:
    """The same instruction with another target."""
    return _replaced(instruction, {"dest": dest})


def with_sources(instruction: Instruction, change: Callable[[Source], Source]) -> Instruction:
    """The same instruction, each of its sources exchanged."""
    kinds = (Register, Word, Immediate, Accumulator)
    found = {name: getattr(instruction, name) for name in _read_fields(type(instruction))}
    return _replaced(instruction, {name: change(v) for name, v in found.items() if isinstance(v, kinds)})


def _replaced(instruction: Instruction, changes: dict[str, Source]) -> Instruction:
    return replace(instruction, **changes)
